"""One thing that is wrong in the files which admins edit: where, what, and what to do about it.

Whoever checks a file gives a list of these; the doors (check, admin page, start) only print it.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """`line` and `column` count from 1; `path` leads from the file's root to the value."""

    file: str
    line: int
    column: int
    path: tuple[str | int, ...]
    fault: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """`menus/main.yaml:12:13  keys → 3 → goto: no menu "tax-desk". Did you mean "tax"?`"""
        where = f"{self.file}:{self.line}:{self.column}"
        words = f"{self.fault} {self.remedy}".strip()
        steps = " → ".join(str(step) for step in self.path)
        return f"{where}  {steps}: {words}" if steps else f"{where}  {words}"
