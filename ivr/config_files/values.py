"""Values that a branch asks for by name (`value: {name: HOTLINE_TRUNK, one_of: […]}`), and that nothing ever sets to that.

Works on the files' bare values, as ivr.config_files.references does. Such a case never fits, and nobody would learn of it.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, each, text_at
from ivr.config_files.schema_words import did_you_mean
from ivr.config_files.sources import TEMPLATES
from ivr.plain_text import shown
from vocabulary.config_problem import ConfigProblem
from vocabulary.hotline_names import CALLER, DEFAULT_QUEUE, NUMBER_CALLED, TRUNK

_TYPED: Final = re.compile(r"(HOTLINE_INPUT_)\w*")
_OURS: Final = frozenset({CALLER, DEFAULT_QUEUE, NUMBER_CALLED, TRUNK})
"""What the dialplan sets before any menu is walked."""
_NAME: Final = re.compile(rb"HOTLINE_[A-Z][A-Z0-9_]*")


def named_in_templates(files: Mapping[str, bytes]) -> frozenset[str]:
    """What a site's own templates may set."""
    own = (data for name, data in files.items() if name.startswith(TEMPLATES))
    return frozenset(found.decode() for data in own for found in _NAME.findall(data))


def never_set(documents: Mapping[str, Document], in_templates: Set[str]) -> Iterator[ConfigProblem]:
    menus = [document for file, document in documents.items() if file.startswith(MENUS)]
    typed = {
        text
        for menu in menus
        for path in menu.scalars
        if path[-1:] == ("keep",) and (text := text_at(menu, path)) is not None
    }
    what, trunks = "trunk", _trunks(documents)
    for menu in menus:
        for path in [path for path in menu.scalars if path[-2:] == ("value", "name")]:
            name = text_at(menu, path)
            if name is None:
                continue
            if of_typed := _TYPED.fullmatch(name):
                if name not in typed:
                    fault = f"no collect keeps {shown(name)}, so this never fits"
                    yield menu.problem(
                        path, fault, _nearest(name, typed, of_typed[1], "Write it at keep of a collect.")
                    )
            elif name not in _OURS | in_templates:
                fault = f"the hotline sets no {shown(name)}, so this never fits"
                otherwise = "Let a template of yours in asterisk/ set it before the call comes to us."
                yield replace(
                    menu.problem(path, fault, _nearest(name, _OURS, "HOTLINE_", otherwise)),
                    severity="warning",
                )
            elif name == TRUNK and trunks:
                for one in each(menu, (*path[:-1], "one_of")):
                    wanted = text_at(menu, one)
                    if wanted is not None and wanted not in trunks:
                        yield menu.problem(one, f"no {what} {shown(wanted)}", did_you_mean(wanted, trunks))


def _nearest(wrong: str, known: Set[str], prefix: str, otherwise: str) -> str:
    """A remedy. What all of them begin with likens none to another."""
    rest = [one.removeprefix(prefix) for one in sorted(known)]
    close = get_close_matches(wrong.removeprefix(prefix), rest, n=1, cutoff=0.6)
    return f'Did you mean "{prefix}{close[0]}"?' if close else otherwise


def _trunks(documents: Mapping[str, Document]) -> set[str]:
    """Empty where they cannot be read: then nothing is said about them."""
    hotline = documents.get("hotline.yaml")
    named = (text_at(hotline, (*path, "name")) for path in each(hotline, ("trunks",))) if hotline else ()
    return {name for name in named if name is not None}
