"""Where a caller may have chosen another language than the site's: which prompts are said in it, and who speaks it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ivr.lines import Language, Lines
from ivr.menus.certainty import Grounds
from ivr.menus.crossings import At, following
from ivr.menus.graph import MenuFault
from ivr.menus.menu_file import MenuFile
from ivr.menus.references import Path
from ivr.menus.steps import Wanted
from ivr.plain_text import shown

SAID_BEHIND_A_MENU: Final = (
    "hold_on", "connection_lost", "all_busy_will_call_back", "all_busy_call_again", "goodbye",
)  # fmt: skip
"""What a citizen hears of the hotline itself when his menu is behind him."""


@dataclass(frozen=True)
class Said:
    """A prompt that a menu names at `path`, and a language in which a caller may hear it."""

    menu: str
    path: Path
    prompt: str
    language: Language


def chosen_languages(menus: Mapping[str, MenuFile]) -> set[Language]:
    """Those that some node changes to."""
    found = (node.spoken_behind for menu in menus.values() for node in menu.nodes.values())
    return {language for language in found if language is not None}


def said_behind_a_choice(menus: Mapping[str, MenuFile]) -> Iterator[Said]:
    """Every prompt that is heard behind a change of language, in that language."""
    for (name, node_name), language in behind_a_choice(menus):
        node = menus[name].nodes[node_name]
        for found in node.named:
            if found.refers.to == "prompt":
                yield Said(name, ("nodes", node_name, *found.path), str(found.name), language)


def said_by_the_hotline(menus: Mapping[str, MenuFile]) -> Iterator[Said]:
    """What it says by itself to callers who chose a language, told at the first change to it."""
    told: set[Language] = set()
    for name, menu in menus.items():
        for node_name, node in menu.nodes.items():
            language = node.spoken_behind
            if language is not None and language not in told:
                told.add(language)
                for prompt in SAID_BEHIND_A_MENU:
                    yield Said(name, ("nodes", node_name, "language"), prompt, language)


def not_understood(menus: Mapping[str, MenuFile], lines: Lines) -> Iterator[tuple[str, MenuFault]]:
    """Queues to which callers come who chose a language that nobody there speaks; with the menu that each is told at."""
    defaults: dict[At, set[str]] = {}
    for at, language in sorted(behind_a_choice(menus)):
        node = menus[at[0]].nodes[at[1]]
        if not node.REACHES_A_PERSON:  # a branch names queues too, and leads to none of them
            continue
        named = [found for found in node.named if found.refers.to == "queue"]
        for found in named:
            yield from _unspoken_in(lines, at, found.path, str(found.name), language, node.wanted)
        if not named and node.leads_to_default_queue:
            defaults = defaults or default_queues(menus, lines)
            for queue in sorted(defaults.get(at, ())):
                yield from _unspoken_in(lines, at, (), queue, language, node.wanted)


def _unspoken_in(
    lines: Lines, at: At, path: Path, name: str, language: Language, wanted: Wanted | None
) -> Iterator[tuple[str, MenuFault]]:
    if wanted is not None and wanted.language is not None:  # it is asked there whether anybody has it
        return
    queue = lines.serving(name, language=None, skill=wanted.skill if wanted else None, chosen=language)
    if queue is not None and not lines.speaks(queue, language):
        fault = f"callers who chose {language} are led here, and nobody in the queue {shown(name)} speaks it"
        remedy = f"Lead them to a queue whose languages in hotline.yaml have {language} among them."
        yield at[0], MenuFault(("nodes", at[1], *path), fault, remedy, "warning")


def default_queues(menus: Mapping[str, MenuFile], lines: Lines) -> dict[At, set[str]]:
    """For each place the default queues of the numbers that lead there."""
    found: dict[At, set[str]] = {}
    grounds = Grounds(menus)
    for menu, queue in sorted({(number.menu, number.queue) for number in lines.numbers}):
        for at in grounds.reached(menu):
            found.setdefault(at, set()).add(queue)
    return found


def behind_a_choice(menus: Mapping[str, MenuFile]) -> Iterator[tuple[At, Language]]:
    """Every place behind a change of language, and the language that is spoken there."""
    changes = [
        ((name, node_name), node.spoken_behind)
        for name, menu in menus.items()
        for node_name, node in menu.nodes.items()
    ]
    ahead = [(behind, language) for at, language in changes if language for behind in following(menus, at)]
    done: set[tuple[At, Language]] = set()
    while ahead:
        at, language = ahead.pop()
        node = menus[at[0]].nodes[at[1]]
        if (at, language) in done or node.spoken_behind:  # behind that one its own language is spoken
            continue
        done.add((at, language))
        yield at, language
        ahead += [(behind, language) for behind in following(menus, at)]
