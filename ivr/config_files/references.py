"""Names in one config file that point into another: every queue, menu, prompt and code must exist.

Works on the files' bare values, so that a fault in one place hides no dangling name in another.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from ivr.config_files.problems import MOST_PROBLEMS
from ivr.config_files.reader import Document, Path, value_at
from ivr.config_files.schema_words import did_you_mean
from ivr.config_files.sources import BROADCASTS, CALENDAR, EXAMPLES, LISTS
from ivr.lines import Language
from ivr.menus.broadcasts import SPOKEN, Prepared
from ivr.menus.calendar import PUBLIC_HOLIDAYS
from ivr.menus.nodes import NODE_TYPE_OF
from ivr.menus.references import Refers, references
from ivr.plain_text import shown
from vocabulary.config_problem import ConfigProblem

REQUIRED_PROMPTS: Final = (
    "greeting", "wrong_key", "hold_on", "all_busy_will_call_back", "all_busy_call_again",
    "connection_lost", "technical_fault", "goodbye",
    "callback_hello", "callback_no_answer", "callback_busy", "callback_failed", "callback_not_now",
    "signed_in", "signed_out", "paused", "resumed", "refused", "broadcast_on", "broadcast_off",
)  # fmt: skip
"""What the hotline says by itself, menus apart."""

MENUS: Final = "menus/"
_HOURS_OF_HOLIDAYS: Final = (("on_public_holidays",), ("on_makeup_workdays",))


@dataclass(frozen=True)
class Reference:
    document: Document
    path: Path
    what: str
    """The kind of thing named, in the words of the message."""


def menu_name(file: str) -> str:
    """menus/examples/with_keys.yaml is the menu examples/with_keys."""
    return file.removeprefix(MENUS).removesuffix(".yaml")


def dangling(documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    known = _known_names(documents)
    missing: dict[str, list[_Missing]] = {}
    for reference in _references(documents):
        wanted = text_at(reference.document, reference.path)
        names = known.get(reference.what)
        if wanted is not None and names is not None and wanted not in names:
            fault = f"no {reference.what} {shown(wanted)}"
            missing.setdefault(reference.document.file, []).append(
                _Missing(reference.document, reference.path, fault, wanted, names)
            )
    for of_a_file in missing.values():
        yield from _told(of_a_file)


@dataclass(frozen=True)
class _Missing:
    """A name that is not there; `names`: those that are."""

    document: Document
    path: Path
    fault: str
    wanted: str
    names: Collection[str]


def _told(of_a_file: list[_Missing]) -> Iterator[ConfigProblem]:
    """The nearest name is looked for while the problem may be among those that are told: it takes long."""
    ordered = sorted(of_a_file, key=lambda one: one.document.place(one.path))
    for index, one in enumerate(ordered):
        remedy = did_you_mean(one.wanted, one.names) if index < MOST_PROBLEMS else ""
        yield one.document.problem(one.path, one.fault, remedy)


def _known_names(documents: Mapping[str, Document]) -> dict[str, set[str]]:
    """Names by kind; a kind whose file cannot be read is left out, so that nothing is said about it."""
    known: dict[str, set[str]] = {"menu": {menu_name(file) for file in documents if file.startswith(MENUS)}}
    known["calendar"] = {
        file.removeprefix(CALENDAR).removesuffix(".yaml") for file in documents if file.startswith(CALENDAR)
    } - {PUBLIC_HOLIDAYS}
    known["list"] = {
        file.removeprefix(LISTS).removesuffix(".yaml") for file in documents if file.startswith(LISTS)
    }
    for what, file, listed, key in (
        ("queue", "hotline.yaml", "queues", "name"),
        ("number", "hotline.yaml", "numbers", "number"),
        ("trunk", "hotline.yaml", "trunks", "name"),
        ("category", "codes.yaml", "categories", "code"),
        ("area", "codes.yaml", "areas", "code"),
        ("handling unit", "codes.yaml", "units", "code"),
        ("disposition", "codes.yaml", "dispositions", "code"),
    ):
        document = documents.get(file)
        if document and isinstance(value_at(document, (listed,)), list):
            texts = (text_at(document, (*path, key)) for path in each(document, (listed,)))
            known[what] = {text for text in texts if text is not None}
    hotline = documents.get("hotline.yaml")
    if hotline is not None:
        for what, listed in (("transfer", "transfers"), ("priority class", "priority_classes")):
            named = (text_at(hotline, (*path, "name")) for path in each(hotline, (listed,)))
            known[what] = {name for name in named if name is not None}
        skills = (skill for path in each(hotline, ("queues",)) for skill in each(hotline, (*path, "skills")))
        known["skill"] = {name for skill in skills if (name := text_at(hotline, skill)) is not None}
    prepared = documents.get(BROADCASTS)
    if prepared is None or isinstance(value_at(prepared, ("broadcasts",)), list | None):
        known["broadcast"] = {SPOKEN, *(_prepared_names(prepared) if prepared else ())}
    prompts = documents.get("prompts.yaml")
    if prompts and isinstance(value_at(prompts, ("prompts",)), dict):
        known["prompt"] = {str(path[-1]) for path in each(prompts, ("prompts",))}
    return known


def _prepared_names(document: Document) -> Iterator[str]:
    texts = (text_at(document, (*path, "name")) for path in each(document, ("broadcasts",)))
    return (text for text in texts if text is not None)


def _references(documents: Mapping[str, Document]) -> Iterator[Reference]:
    for file, document in documents.items():
        if file == "hotline.yaml":
            for path in each(document, ("numbers",)):
                yield Reference(document, (*path, "menu"), "menu")
                yield Reference(document, (*path, "queue"), "queue")
            for path in each(document, ("queues",)):
                yield Reference(document, (*path, "part_of"), "queue")
            for path in each(document, ("transfers",)):
                for trunk in each(document, (*path, "trunks")):
                    yield Reference(document, trunk, "trunk")
        elif file == "routing_rules.yaml":
            for path in each(document, ("rules",)):
                yield from _of_a_rule(document, path)
        elif file == BROADCASTS:
            for path in each(document, ("broadcasts",)):
                yield from _of_a_broadcast(document, path)
        elif file.startswith(MENUS):
            for path, refers, _ in document.once(_in_nodes):
                if refers.to != "node":
                    yield Reference(document, path, refers.to)


def _of_a_rule(document: Document, path: Path) -> Iterator[Reference]:
    yield Reference(document, (*path, "when", "queue"), "queue")
    yield Reference(document, (*path, "when", "number_called"), "number")
    yield Reference(document, (*path, "when", "broadcast"), "broadcast")
    for key, what in (
        ("category", "category"), ("area", "area"), ("unit", "handling unit"), ("disposition", "disposition"),
    ):  # fmt: skip
        yield Reference(document, (*path, "then", key), what)


def _of_a_broadcast(document: Document, path: Path) -> Iterator[Reference]:
    for found in references(Prepared, value_at(document, path)):
        yield Reference(document, (*path, *found.path), found.refers.to)


def dangling_nodes(document: Document) -> Iterator[ConfigProblem]:
    """Ways within one menu file that lead to no node."""
    nodes = value_at(document, ("nodes",))
    if not isinstance(nodes, dict):
        return
    ways = [(path, name) for path, refers, name in document.once(_in_nodes) if refers.to == "node"]
    every = ((("start",), text_at(document, ("start",))), *ways)
    missing = [
        _Missing(document, way, f"no node {shown(name)}", name, nodes)
        for way, name in every
        if name and name not in nodes  # of "" the schema speaks
    ]
    yield from _told(missing)


def _in_nodes(document: Document) -> list[tuple[Path, Refers, str | None]]:
    """What the nodes of a menu file name, as far as their kinds are known; None: what stands there is no text."""
    named: list[tuple[Path, Refers, str | None]] = []
    for path in each(document, ("nodes",)):
        model = NODE_TYPE_OF.get(str(text_at(document, (*path, "kind"))))
        if model is not None:
            for found in references(model, value_at(document, path)):
                inner = (*path, *found.path)
                named.append((inner, found.refers, _text(document, inner, found.name)))
    return named


def menus_in_use(documents: Mapping[str, Document]) -> set[str]:
    """Those that a call can come to: all but the examples, those that a number names, and where any of them leads on."""
    files = {menu_name(file): document for file, document in documents.items() if file.startswith(MENUS)}
    ahead = [name for name in files if not name.startswith(EXAMPLES)]
    hotline = documents.get("hotline.yaml")
    if hotline is not None:
        named = (text_at(hotline, (*path, "menu")) for path in each(hotline, ("numbers",)))
        ahead += [name for name in named if name is not None]
    used: set[str] = set()
    while ahead:
        name = ahead.pop()
        if name not in used and name in files:
            used.add(name)
            ahead += _menus_led_to(files[name])
    return used


def _menus_led_to(document: Document) -> Iterator[str]:
    return (name for _, refers, name in document.once(_in_nodes) if refers.to == "menu" and name is not None)


def dangling_menu_paths(documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    """`menu_path` of a rule: a menu, then its nodes; and again after each //."""
    rules = documents.get("routing_rules.yaml")
    if rules is None:
        return
    menus = {menu_name(file): document for file, document in documents.items() if file.startswith(MENUS)}
    for rule in each(rules, ("rules",)):
        path = (*rule, "when", "menu_path")
        wanted = text_at(rules, path)
        if wanted is None:
            continue
        for part in wanted.split("//"):
            yield from _dangling_in_path(rules, path, part, menus)


def _dangling_in_path(
    rules: Document, path: Path, wanted: str, menus: Mapping[str, Document]
) -> Iterator[ConfigProblem]:
    """`wanted`: a menu and nodes of it."""
    owner = next(
        (m for m in sorted(menus, key=len, reverse=True) if (wanted + "/").startswith(m + "/")), None
    )
    if owner is None:
        otherwise = "Write the menu's name, then its nodes, with / between."
        remedy = did_you_mean(wanted.partition("/")[0], menus, otherwise)
        yield rules.problem(path, f"no menu begins {shown(wanted)}", remedy)
        return
    nodes = value_at(menus[owner], ("nodes",))
    for name in filter(None, wanted.removeprefix(owner).split("/")):
        if isinstance(nodes, dict) and name not in nodes:
            fault = f"no node {shown(name)} in the menu {owner}"
            yield rules.problem(path, fault, did_you_mean(name, nodes))


def missing_prompts(documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    """A newer program may say more by itself than a site's files know of: the shipped words are used meanwhile, since
    neither these files nor the last good set may be refused for that."""
    prompts = documents.get("prompts.yaml")
    if prompts is None or not isinstance(value_at(prompts, ("prompts",)), dict):
        return
    for name in REQUIRED_PROMPTS:
        if value_at(prompts, ("prompts", name)) is None:
            fault = f'the prompt "{name}" is missing, so the shipped words are said'
            remedy = "The hotline says it by itself: add it, or copy it from the shipped prompts.yaml."
            yield replace(prompts.problem(("prompts",), fault, remedy), severity="warning")
    languages = languages_in_use(documents)
    for path in each(prompts, ("prompts",)):
        group = value_at(prompts, path)
        if isinstance(group, dict) and group and group.get(languages[0]) is None:
            fault = f"has no text in {languages[0]}, the language of the site"
            yield prompts.problem(path, fault, f"Write {languages[0]}: and what is to be said.")


def languages_in_use(documents: Mapping[str, Document]) -> tuple[Language, ...]:
    """The site's own first, then those that a node of a menu changes to (kind: language, language: en)."""
    hotline = documents.get("hotline.yaml")
    found = [text_at(hotline, ("site", "language")) if hotline else None]
    for file, document in documents.items():
        if file.startswith(MENUS):
            nodes = each(document, ("nodes",))
            switches = [node for node in nodes if text_at(document, (*node, "kind")) == "language"]
            found += [text_at(document, (*node, "language")) for node in switches]
    known: dict[str | None, Language] = {"zh": "zh", "en": "en"}
    named: list[Language] = [known[one] for one in found[1:] if one in known]
    return tuple(dict.fromkeys([known.get(found[0], "zh"), *named]))


def missing_holidays(documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    """Where something is asked for public holidays, and nobody says which days those are: a branch that asks for them would
    never fit; hours would only be those of a usual day."""
    if f"{CALENDAR}{PUBLIC_HOLIDAYS}.yaml" in documents:
        return
    fault = f"calendar/{PUBLIC_HOLIDAYS}.yaml is missing, so no day is a public holiday"
    remedy = "Take the file from the shipped config."
    for file, document in documents.items():
        for path in document.places if file.startswith(MENUS) else ():
            if path[:1] == ("nodes",) and path[2:3] == ("cases",) and path[4:] == ("when", "holiday"):
                yield document.problem(path, fault, remedy)
        asked = [path for path in _HOURS_OF_HOLIDAYS if file.startswith(CALENDAR) and path in document.places]
        for path in asked[:1]:
            yield replace(document.problem(path, fault, remedy), severity="warning")


def text_at(document: Document, path: Path) -> str | None:
    """The text at a path, bare numbers as they were written; None if there is none."""
    return _text(document, path, value_at(document, path))


def _text(document: Document, path: Path, value: object) -> str | None:
    if isinstance(value, str):
        return value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return document.as_written.get(path) if is_number else None


def each(document: Document, path: Path) -> list[Path]:
    """The paths of what a list or group at `path` holds; [] if there is neither."""
    value = value_at(document, path)
    if isinstance(value, dict):
        return [(*path, key) for key in value]
    return [(*path, index) for index in range(len(value))] if isinstance(value, list) else []
