"""What the config files must agree on beyond single values: things named once, rules in order."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from ivr.config_files.reader import Document, Path, value_at
from ivr.config_files.references import MENUS, each, text_at
from ivr.config_files.sources import CALENDAR
from ivr.config_files.syntax_words import FULL_WIDTH
from ivr.menus.calendar import OpeningHours, gaps, gaps_of_a_day
from ivr.menus.languages import Said
from ivr.menus.menu_file import MenuFile
from ivr.plain_text import invisible, shown
from ivr.prompts.schema import PromptsFile
from ivr.prompts.speech import Unspeakable, to_pinyin
from missed_call_redial.policy import CallbackPolicies
from routing.rules import RoutingRules
from tickets.outcome import Outcome
from vocabulary.config_problem import ConfigProblem

TOLD_HERE: Final = frozenset({"routing_rules.yaml", "codes.yaml"})
"""Files whose models know the same rules, but not the line: their word over a whole file is not repeated."""

_FULL_WIDTH: Final = re.compile(r"[a-z0-9_*#.:-]+( *[：，] *[a-z0-9_*#.:-]*)+", re.ASCII)
_ONCE: Final = (
    ("hotline.yaml", "numbers", "number"),
    ("hotline.yaml", "trunks", "name"),
    ("hotline.yaml", "queues", "name"),
    ("hotline.yaml", "priority_classes", "name"),
    ("hotline.yaml", "transfers", "name"),
    ("hotline.yaml", "pause_reasons", "code"),
    ("codes.yaml", "areas", "code"),
    ("codes.yaml", "categories", "code"),
    ("codes.yaml", "units", "code"),
    ("codes.yaml", "dispositions", "code"),
    ("routing_rules.yaml", "rules", "id"),
    ("broadcasts.yaml", "broadcasts", "name"),
)


def named_twice(documents: Mapping[str, Document]) -> Iterator[ConfigProblem]:
    for file, listed, key in _ONCE:
        if file in documents:
            yield from _twice(documents[file], [(*path, key) for path in each(documents[file], (listed,))])
    hotline = documents.get("hotline.yaml")
    if hotline:
        trunks = each(hotline, ("trunks",))
        by_address = [t for t in trunks if text_at(hotline, (*t, "mode")) == "address"]
        remedy = "Two trunks at one address cannot be told apart. Keep one."
        yield from _twice(hotline, [(*path, "host") for path in by_address], remedy)


def _twice(
    document: Document, paths: list[Path], remedy: str = "Give each its own."
) -> Iterator[ConfigProblem]:
    seen: dict[str, int] = {}
    for path in paths:
        text = text_at(document, path)
        if text is None:
            continue
        if text in seen:
            yield document.problem(path, f"{shown(text)} stands in line {seen[text]} already", remedy)
        seen.setdefault(text, document.place(path)[0])


def rules_out_of_order(document: Document) -> Iterator[ConfigProblem]:
    rules = each(document, ("rules",))
    if not rules:
        if value_at(document, ("rules",)) == []:
            fault = "there is no rule"
            yield document.problem(("rules",), fault, "Write at least one, without when, for every call.")
        return
    for rule in rules:
        is_last, conditions = rule == rules[-1], each(document, (*rule, "when"))
        if is_last and conditions:
            fault = "the last rule does not fit every call"
            yield document.problem((*rule, "when"), fault, "Add a rule without when at the end.")
        if not is_last and not conditions and isinstance(value_at(document, rule), dict):
            fault = "the rule fits every call, so none below is ever used"
            yield document.problem(rule, fault, "Add a when, or move it to the end.")


def messages_without_a_rule(
    documents: Mapping[str, Document], menus: Mapping[str, MenuFile], rules: RoutingRules
) -> Iterator[ConfigProblem]:
    """`menus`: to which calls come. The last rule makes a ticket of a message too, but one that does not tell of it."""
    if any(Outcome.VOICEMAIL in (rule.when.outcome or ()) for rule in rules.rules):
        return
    for name, menu in menus.items():
        for node_name, node in menu.nodes.items():
            if node.TAKES_MESSAGES:
                fault = "takes messages, and no rule asks for them: their tickets would not say that there is one to hear"
                remedy = "Write a rule with when: {outcome: voicemail} in routing_rules.yaml; the shipped file has one."
                found = documents[f"{MENUS}{name}.yaml"].problem(("nodes", node_name), fault, remedy)
                yield replace(found, severity="warning")


def small_gaps(document: Document, hours: OpeningHours) -> Iterator[ConfigProblem]:
    """The same slip on several days is told once, at the first of them."""
    found: dict[str, list[Path]] = {}
    for day, gap in gaps(hours.week) if hours.week else ():
        found.setdefault(gap, []).append(("week", day))
    of_one_day: dict[Path, list[str] | None] = {
        ("on_public_holidays",): hours.on_public_holidays,
        ("on_makeup_workdays",): hours.on_makeup_workdays,
        **{("exceptions", day): spans for day, spans in hours.exceptions.items()},
    }
    for path, spans in of_one_day.items():
        for gap in gaps_of_a_day(spans or []):
            found.setdefault(gap, []).append(path)
    for gap, paths in found.items():
        days = f" on {len(paths)} days" if len(paths) > 1 else ""
        fault = f"the hours leave a gap of a few minutes{days} ({gap})"
        remedy = "Let the next begin where these end; the end of the day is 24:00."
        first = min(paths, key=document.place)
        yield replace(document.problem(first, fault, remedy), severity="warning")


def gaps_beyond_the_deadline(document: Document, policies: CallbackPolicies) -> Iterator[ConfigProblem]:
    for name, gap in policies.gaps:
        if isinstance(gap, timedelta) and gap >= policies.deadline:
            hours = policies.deadline.total_seconds() / 3600
            fault = f"the next try would come after the deadline ({hours:g} h)"
            yield document.problem(("gaps", name), fault, "Make the gap shorter or the deadline longer.")


def unspoken(
    documents: Mapping[str, Document], said: Iterable[Said], prompts: PromptsFile
) -> Iterator[ConfigProblem]:
    """Prompts that a caller hears in a language that he chose, and that have no text in it."""
    for one in said:
        prompt = prompts.prompts.get(one.prompt)
        if prompt is not None and prompt.text(one.language) is None:
            fault = f"{shown(one.prompt)} has no text in {one.language}, which is spoken here"
            remedy = f"Write {one.language}: and what is to be said, in prompts.yaml."
            yield documents[f"{MENUS}{one.menu}.yaml"].problem(one.path, fault, remedy)


def unspeakable(document: Document, prompts: PromptsFile) -> Iterator[ConfigProblem]:
    every = [("prompts", *one) for one in prompts.prompts.items()]
    every += [("asterisk_sounds", *one) for one in prompts.asterisk_sounds.items()]
    for group, name, prompt in every:
        if prompt.zh is None or prompt.pinyin is not None:
            continue
        try:
            sounds = to_pinyin(prompt.zh, prompts.phrases)
        except Unspeakable as error:
            fault = f"{shown(error.character)} cannot be spoken in Chinese"
            remedy = "Write it in characters, or give pinyin: beside zh:."
            yield document.problem((group, name, "zh"), fault, remedy)
            continue
        if not any(c.isalpha() for c in sounds):
            yield document.problem((group, name, "zh"), "has no words", "Write what is to be said.")


def full_width_signs(document: Document) -> Iterator[ConfigProblem]:
    """Typed as Chinese is typed between two words of the menu language, where YAML takes them for letters."""
    if not document.file.startswith((MENUS, CALENDAR)):
        return
    for path in document.places:
        key, value = path[-1] if path else "", document.scalars.get(path)
        if isinstance(key, str) and _FULL_WIDTH.fullmatch(key):
            yield document.problem(path[:-1], *FULL_WIDTH, at=document.key_place(path))
        elif isinstance(value, str) and path[-1:] != ("label",) and _FULL_WIDTH.fullmatch(value):
            yield document.problem(path, *FULL_WIDTH)


def hidden_characters(document: Document) -> Iterator[ConfigProblem]:
    """Texts and keys with characters that cannot be seen, in any file; prompts may have several lines."""
    has_lines = document.file == "prompts.yaml"
    for path in document.places:
        value = document.scalars.get(path)
        key = path[-1] if path else ""
        if isinstance(key, str) and (hidden := invisible(key)):
            place = document.key_place(path)
            fault = f"the key has the invisible character {hidden}"
            yield document.problem(path, fault, "Delete it.", at=place)
        if not isinstance(value, str):
            continue
        hidden = invisible(value.replace("\n", " ") if has_lines else value)
        if hidden:
            remedy = "Write it on one line, without control characters."
            yield document.problem(path, f"has the invisible character {hidden}", remedy)
