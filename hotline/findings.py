"""What `hotline doctor` found: one line for each check, and what to do where something is not right."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "WARN"
    FAIL = "FAIL"


@dataclass(frozen=True)
class Finding:
    """`remedy` is empty only where all is well."""

    level: Level
    check: str
    said: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.level:<4}  {self.check}: {self.said}"
        return f"{line}\n        → {self.remedy}" if self.remedy else line


def ok(check: str, said: str) -> Finding:
    return Finding(Level.OK, check, said)


def warn(check: str, said: str, remedy: str) -> Finding:
    return Finding(Level.WARN, check, said, remedy)


def fail(check: str, said: str, remedy: str) -> Finding:
    return Finding(Level.FAIL, check, said, remedy)
