"""Which prompts of the menus are said in which language, where a caller may have chosen another than the site's. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ivr.lines import Language
from ivr.menus.crossings import following
from ivr.menus.menu_file import MenuFile
from ivr.menus.references import Path


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
    changes = [
        ((name, node_name), node.spoken_behind)
        for name, menu in menus.items()
        for node_name, node in menu.nodes.items()
    ]
    ahead = [(behind, language) for at, language in changes if language for behind in following(menus, at)]
    done: set[tuple[tuple[str, str], Language]] = set()
    while ahead:
        at, language = ahead.pop()
        node = menus[at[0]].nodes[at[1]]
        if (at, language) in done or node.spoken_behind:  # behind that one its own language is spoken
            continue
        done.add((at, language))
        for found in node.named:
            if found.refers.to == "prompt":
                yield Said(at[0], ("nodes", at[1], *found.path), str(found.name), language)
        ahead += [(behind, language) for behind in following(menus, at)]
