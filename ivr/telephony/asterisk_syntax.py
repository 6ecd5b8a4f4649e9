"""What makes Asterisk leave a whole file of its own unread, found before it is asked: it would answer that all is well.

As its config.c reads: one such line, and of that file nothing is taken, at a reload or at a start. A line without `=` or an
unknown directive costs only itself.
"""

from collections.abc import Iterator
from typing import Final

_COMMENT: Final = ";--"
_COMMENT_ENDS: Final = "--;"


def unread(text: str) -> tuple[int, str] | None:
    """The first line (from 1) for which the whole file would be passed over, and why; None: it is read."""
    known: set[str] = set()
    for number, line in _lines(text):
        if line.startswith("["):
            name, closed, options = line[1:].partition("]")
            if not closed:
                return number, "no closing ']'"
            if why := _of_options(name, options.strip(), known):
                return number, why
            known.add(name)
        elif not line.startswith("#") and not known:
            return number, "it stands before the first [section]"
    return None


def _of_options(section: str, options: str, known: set[str]) -> str:
    """Behind a section's name: (!), (+) or the sections that it takes over."""
    if not options.startswith("("):
        return ""
    inner, closed, _ = options[1:].partition(")")
    if not closed:
        return "no closing ')'"
    wanted = [section if part.strip() == "+" else part.strip() for part in inner.split(",")]
    unknown = [name for name in wanted if name not in ("!", "") and name not in known]
    return f"no section [{unknown[0]}] stands before it" if unknown else ""


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """With their numbers, without comments and what is empty then."""
    is_within = False
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw
        if is_within:
            _, ends, line = line.partition(_COMMENT_ENDS)
            is_within = not ends
        while not is_within and (at := _semicolon(line)) >= 0:
            if not line.startswith(_COMMENT, at) or line.startswith(f"{_COMMENT}-", at):
                line = line[:at]
                break
            _, ends, rest = line[at:].partition(_COMMENT_ENDS)
            line, is_within = line[:at] + rest, not ends
        if line.strip():
            yield number, line.strip()


def _semicolon(line: str) -> int:
    """Where a comment begins; -1: nowhere. `\\;` is a semicolon and no comment."""
    at = line.find(";")
    while at > 0 and line[at - 1] == "\\":
        at = line.find(";", at + 1)
    return at
