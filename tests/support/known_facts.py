"""What a test says of the world to a menu's branches: keeps ivr.menus.facts.Facts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ivr.menus.facts import Emergencies, Facts, OnAir


@dataclass
class KnownFacts:
    """None: not known. The queue None is the default one. `asked` notes what was asked, in order."""

    open: Collection[str] | None = None
    holiday: bool | None = None
    withheld: bool | None = None
    repeat: bool | None = None
    lists: Collection[str] | None = None
    waiting: Mapping[str | None, int] = field(default_factory=dict)
    ready: Mapping[str | None, int] = field(default_factory=dict)
    wait: Mapping[str | None, float] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    on_air: OnAir | None = None
    marked: Emergencies = field(default_factory=Emergencies)
    asked: list[str] = field(default_factory=list)

    def is_open(self, calendar: str) -> bool | None:
        self.asked.append("hours")
        return None if self.open is None else calendar in self.open

    def is_public_holiday(self) -> bool | None:
        self.asked.append("holiday")
        return self.holiday

    def is_withheld(self) -> bool | None:
        self.asked.append("withheld")
        return self.withheld

    def is_caller_on(self, list_name: str) -> bool | None:
        self.asked.append("list")
        return None if self.lists is None else list_name in self.lists

    def is_repeat_caller(self) -> bool | None:
        self.asked.append("repeat")
        return self.repeat

    def callers_waiting(self, queue: str | None) -> int | None:
        self.asked.append("waiting")
        return self.waiting.get(queue)

    def agents_ready(self, queue: str | None) -> int | None:
        self.asked.append("ready")
        return self.ready.get(queue)

    def estimated_wait(self, queue: str | None) -> float | None:
        self.asked.append("wait")
        return self.wait.get(queue)

    def value(self, name: str) -> str | None:
        self.asked.append(name)
        return self.values.get(name)

    def broadcast(self) -> OnAir | None:
        return self.on_air

    def emergencies(self) -> Emergencies:
        return self.marked


def a_fake_keeps_the_protocol() -> Facts:
    """For mypy: KnownFacts are Facts."""
    return KnownFacts()
