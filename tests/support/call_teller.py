"""Tells one call as Asterisk does: what the dialplan, queue_log and AMI say of it, one line after the other.

queue_log is silent about a call that hangs up before the queue, and about a full one; the hangup handler sees other variables
at each ending (tried on a real one). Lines of our own fill the gaps.

Where Asterisk gives two accounts of a thing, both are told; queue_log times are cut to whole seconds as Asterisk
cuts them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tickets.call_events import Event, EventKind, EventSource
from tickets.outcome import Outcome

START = datetime(2026, 11, 23, 8, 0, 0, 400_000, tzinfo=UTC)
CALL_ID = "hq-1795397954.17"


@dataclass(frozen=True)
class Story:
    """`wrote` are the lines and legs in the order in which they happened."""

    name: str
    outcome: Outcome
    events: tuple[Event, ...]
    agent_no: str | None = None
    wait: float | None = None
    talk: float | None = None

    def __str__(self) -> str:
        return self.name


class Teller:
    """Writes one call's events; `agi`, `ami` and `log` each take the seconds since arrival."""

    def __init__(self, call_id: str = CALL_ID, start: datetime = START) -> None:
        self.call_id = call_id
        self.start = start
        self.events: list[Event] = []

    def agi(self, seconds: float, kind: EventKind, /, **data: str) -> "Teller":
        return self._tell(EventSource.AGI, self.start + timedelta(seconds=seconds), kind, data)

    def ami(self, seconds: float, kind: EventKind, /, **data: str) -> "Teller":
        return self._tell(EventSource.AMI, self.start + timedelta(seconds=seconds), kind, data)

    def log(self, seconds: float, kind: EventKind, /, **data: str) -> "Teller":
        at = (self.start + timedelta(seconds=seconds)).replace(microsecond=0)
        return self._tell(EventSource.QUEUE_LOG, at, kind, data)

    def watch(self, seconds: float, kind: EventKind, /, **data: str) -> "Teller":
        return self._tell(EventSource.WATCH, self.start + timedelta(seconds=seconds), kind, data)

    def speaks(self, seconds: float, *, is_long_enough: bool = True) -> "Teller":
        """What was found in his folder when the call was over."""
        found = {"name": "ab/abc/1-3.wav", "sha256": "f" * 64} if is_long_enough else {}
        return self.watch(seconds, EventKind.VOICEMAIL, seconds="7.5" if found else "0", **found)

    def arrives(self, *, is_server_up: bool = True) -> "Teller":
        data = {"caller": "13800138000", "number_called": "12345", "trunk": "test", "prio": "1971828446"}
        self.log(0, EventKind.ARRIVED, **data)
        if is_server_up:
            self.agi(0.02, EventKind.ARRIVED, **data)
            self.agi(3.1, EventKind.GREETED).agi(3.2, EventKind.MENU_WALKED, path="main", version="v1")
        return self

    def queues(self, seconds: float, queue: str = "general") -> "Teller":
        self.log(seconds, EventKind.QUEUED, queue=queue, caller="13800138000", position="1")
        return self.ami(seconds + 0.01, EventKind.QUEUED, queue=queue, caller="13800138000", position="1")

    def connects(self, seconds: float, agent: str) -> "Teller":
        self.ami(seconds - 2, EventKind.RANG, agent=agent)
        self.log(seconds, EventKind.CONNECTED, agent=agent, hold="4")
        return self.ami(seconds + 0.01, EventKind.CONNECTED, agent=agent, hold="4")

    def completes(self, seconds: float, agent: str, talk: int, by: str = "citizen") -> "Teller":
        self.log(seconds, EventKind.COMPLETED, agent=agent, talk=str(talk), by=by)
        return self.ami(seconds + 0.01, EventKind.COMPLETED, agent=agent, talk=str(talk), by=by)

    def served(self, since: float, until: float, agent: str) -> "Teller":
        """They talk until he hangs up, and that is the end of his call."""
        self.connects(since, agent).completes(until, agent, int(until - since))
        return self.ends(until + 0.1, agent=agent, status="CONTINUE")

    def ends(self, seconds: float, *, is_server_up: bool = True, **data: str) -> "Teller":
        told = {"status": "", "abandoned": "", "agent": "", "cause": "16"} | data
        self.log(seconds, EventKind.ENDED, **told)
        return self.agi(seconds + 0.05, EventKind.ENDED, **told) if is_server_up else self

    def _tell(self, source: EventSource, at: datetime, kind: EventKind, data: dict[str, str]) -> "Teller":
        seq = len(self.events)
        key = f"{source}:{self.call_id}:{seq}"
        self.events.append(Event(self.call_id, kind, source, at, seq, data, key))
        return self

    def story(
        self,
        name: str,
        outcome: Outcome,
        agent_no: str | None = None,
        wait: float | None = None,
        talk: float | None = None,
    ) -> Story:
        return Story(name, outcome, tuple(self.events), agent_no, wait, talk)
