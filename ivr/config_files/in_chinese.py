"""What the checker says, and what changes for callers, in Chinese: one list beside this file, looked up where it is printed.

The code says each thing once, in English; a sentence that the list does not have stays English.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

LIST: Final = Path(__file__).with_name("chinese.txt")
_BLANK: Final = re.compile(r"<([a-z]+)(:words|:list)?>")
_BETWEEN_STEPS: Final = {" → ": " → ", ", then ": "，然后"}
_STEPS: Final = re.compile(f"({'|'.join(_BETWEEN_STEPS)})")
_ENDS: Final = (".", "?")
_SEAM: Final = "\0"  # no problem holds one: whatever cannot be printed is written out in it
_GAP: Final = re.compile(rf"(?<=[^\x00-\x7f]) {_SEAM}|{_SEAM} (?=[^\x00-\x7f])")


@dataclass(frozen=True)
class Entry:
    """A line of English and the Chinese for it, both with their blanks."""

    english: str
    chinese: str

    @property
    def is_sentence(self) -> bool:
        """A whole fault or remedy; all else stands in a blank."""
        return self.english.endswith(_ENDS)

    @property
    def fixed(self) -> str:
        """The English without its blanks."""
        return _BLANK.sub("", self.english)

    def pattern(self) -> re.Pattern[str]:
        """What fits the English, with a group for each blank."""
        parts = _BLANK.split(self.english)
        words = [re.escape(part) for part in parts[::3]]
        blanks = zip(parts[1::3], parts[2::3], strict=True)
        groups = [f"(?P<{name}>{'.*' if kind == ':list' else '.*?'})" for name, kind in blanks]
        return re.compile(
            words[0] + "".join(g + w for g, w in zip(groups, words[1:], strict=True)), re.DOTALL
        )

    def filled(self, values: dict[str, str]) -> str:
        """The Chinese with these in its blanks."""

        def value(blank: re.Match[str]) -> str:
            said = values[blank[1]]
            match blank[2]:
                case ":words":
                    return _joined(_steps_in_chinese(said))
                case ":list":
                    return _joined(_list_in_chinese(said))
                case _:
                    return said

        return _GAP.sub("", _BLANK.sub(value, self.chinese)).replace(_SEAM, "")


@cache
def entries() -> tuple[Entry, ...]:
    """As they stand in the list."""
    lines = [one for one in LIST.read_text("utf-8").splitlines() if one and not one.startswith("#")]
    return tuple(Entry(*pair) for pair in zip(lines[::2], lines[1::2], strict=True))


@cache
def _by_fixed_part() -> tuple[tuple[str, re.Pattern[str], Entry], ...]:
    """The longest fixed part first, so that the more exact words win; each with how its English begins."""
    ordered = sorted(entries(), key=lambda one: len(one.fixed), reverse=True)
    return tuple((one.english.partition("<")[0], one.pattern(), one) for one in ordered)


def in_chinese(said: str) -> str | None:
    """A fault or a remedy as a problem holds it; None where the list does not have it."""
    is_sentence = said.endswith(_ENDS)
    for beginning, pattern, entry in _by_fixed_part():
        if entry.is_sentence is not is_sentence or not said.startswith(beginning):
            continue
        if found := pattern.fullmatch(said):
            return entry.filled(found.groupdict())
    return None


def _steps_in_chinese(said: str) -> str:
    """A word of ours, or the steps of a way; what a file's author wrote stays as it is."""
    return "".join(_BETWEEN_STEPS.get(one) or in_chinese(one) or one for one in _STEPS.split(said))


def _list_in_chinese(said: str) -> str:
    """A comma in what a file's author wrote stays as it is too."""
    first, *others = said.split(", ")
    told = [f"，{chinese}" if (chinese := in_chinese(one)) else f", {one}" for one in others]
    return "".join((in_chinese(first) or first, *told))


def _joined(said: str) -> str:
    """Between two Chinese words stands no blank, beside a name or a number in Latin letters one."""
    before, after = (_SEAM if end > "\x7f" else "" for end in (said[:1], said[-1:]))
    return f"{before}{said}{after}"
