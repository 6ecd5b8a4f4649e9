"""Endings of calls as Asterisk tells them: what the dialplan, queue_log and AMI say of each.

queue_log is silent about a call that hangs up before the queue, and about a full one; the hangup handler sees other variables
at each ending (tried on a real one). Lines of our own fill the gaps.

Every story has two accounts where Asterisk gives two; queue_log times are cut to whole seconds as Asterisk
cuts them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tickets.call_events import Event, EventKind, EventSource
from tickets.outcome import Outcome
from vocabulary.hotline_names import IVR_SERVED, LOST_AGENT, TRANSFER_GIVEN_UP, TRANSFERRED

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


def _answered() -> list[Story]:
    kind, end = EventKind, Outcome
    return [
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8.2, "1001")
        .completes(70, "1001", 61)
        .ends(70.1, agent="1001", status="CONTINUE")
        .story("answered", end.ANSWERED, "1001", 4.7, 61),
        Teller()
        .arrives(is_server_up=False)
        .queues(0.3)
        .connects(5, "1001")
        .completes(65, "1001", 60)
        .ends(65, is_server_up=False, agent="1001")
        .story("answered with our server down", end.ANSWERED, "1001", 4.7, 60),
        Teller()
        .arrives()
        .queues(3.5)
        .log(24, kind.RING_MISSED, agent="1001", ring_ms="20000")
        .connects(30, "1002")
        .completes(40, "1002", 10, by="agent")
        .ends(40.2, agent="1002")
        .story("the second agent answers", end.ANSWERED, "1002", 26.5, 10),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .completes(8.3, "1001", 0)
        .ends(8.4, agent="1001")
        .story("picked up, no talk", end.ANSWERED_NO_TALK, "1001", 4.5, 0),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .log(50, kind.TRANSFERRED, kind="blind", to="2000")
        .ends(90, agent="1001")
        .story("blind transfer", end.ANSWERED, "1001", 4.5, 82.04),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .ends(60, agent="1001")
        .story("the line of completion is lost", end.ANSWERED, "1001", 4.5, 52.04),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .log(300, kind.SWITCH_RESTARTED)
        .story("switch killed while talking", end.ANSWERED, "1001", 4.5),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .watch(300, kind.VANISHED)
        .story("gone without an end while talking", end.ANSWERED, "1001", 4.5),
        Teller()
        .arrives()
        .queues(3.5)
        .log(43, kind.TIMED_OUT, wait="40")
        .queues(43.4, "night")
        .connects(50, "1003")
        .completes(60, "1003", 10)
        .ends(60, agent="1003")
        .story("answered in the overflow queue", end.ANSWERED, "1003", 46.5, 10),
    ]


def _put_through() -> list[Story]:
    """A key led to the police: what the dialplan writes of it, whether or not our server lives."""
    kind, end = EventKind, Outcome
    to = {"transfer": "police", "trunk": "test"}

    def rings(*, is_server_up: bool = True) -> Teller:
        return Teller().arrives(is_server_up=is_server_up).log(4, kind.TRANSFER_DIALLED, **to)

    def over(told: Teller, seconds: float, result: str) -> Teller:
        return told.log(seconds, kind.TRANSFER_OVER, **to, result=result)

    return [
        over(rings().log(9, kind.TRANSFER_ANSWERED, **to), 70, "answered")
        .ends(71, status=TRANSFERRED)
        .story("put through, and they talk", end.TRANSFERRED),
        over(rings(is_server_up=False).log(9, kind.TRANSFER_ANSWERED, **to), 70, "answered")
        .ends(70, is_server_up=False, status=TRANSFERRED)
        .story("put through, our server dies while they talk", end.TRANSFERRED),
        rings().log(9, kind.TRANSFER_ANSWERED, **to).story("talking there now", end.IN_PROGRESS),
        rings()
        .log(9, kind.TRANSFER_ANSWERED, **to)
        .log(300, kind.SWITCH_RESTARTED)
        .story("switch killed while they talk there", end.TRANSFERRED),
        rings().log(300, kind.SWITCH_RESTARTED).story("switch killed while it rings there", end.SYSTEM_LOSS),
        over(rings(), 12, "given_up")
        .ends(12, status=TRANSFER_GIVEN_UP, by="citizen")
        .story("hangs up while it rings there", end.RING_ABANDON),
        over(rings(), 5, "busy")
        .queues(8)
        .connects(12, "1001")
        .completes(42, "1001", 30)
        .ends(42, agent="1001", status="CONTINUE")
        .story("they are busy, an agent answers", end.ANSWERED, "1001", 4.59, 30),
        over(rings(), 44, "no_answer")
        .queues(47)
        .log(60, kind.ABANDONED, position="1", wait="13")
        .ends(60, abandoned="TRUE")
        .story("nobody answers there, gives up in the queue", end.QUEUE_ABANDON, wait=13.05),
        over(rings(), 5, "failed")
        .ends(8, status="NO_AGENT")
        .story("no trunk, and nobody is signed in", end.NO_AGENT),
        over(rings().log(9, kind.TRANSFER_ANSWERED, **to), 40, "answered")
        .queues(42)
        .log(300, kind.SWITCH_RESTARTED)
        .story("back from there, switch killed while he waits", end.SYSTEM_LOSS),
    ]


def _led_on() -> list[Story]:
    """A queue did not serve him, and the menu led him on."""
    kind, end = EventKind, Outcome

    def waited(*, is_server_up: bool = True) -> Teller:
        told = Teller().arrives(is_server_up=is_server_up).queues(3.5).log(43, kind.TIMED_OUT, wait="40")
        return told.agi(43.2, kind.MENU_WALKED, path="main/person/choose", version="v1")

    def not_taken() -> Teller:
        return Teller().arrives().log(3, kind.NOT_TAKEN, status="NO_AGENT", queue="part")

    return [
        waited()
        .ends(60, status="TIMEOUT", abandoned="TRUE", by="citizen")
        .story("waited in vain, hangs up in the menu behind it", end.QUEUE_TIMEOUT, wait=39.59),
        waited()
        .ends(60, status="TIMEOUT", abandoned="TRUE")
        .story("waited in vain, the menu says goodbye", end.QUEUE_TIMEOUT, wait=39.59),
        waited()
        .ends(60, status="TIMEOUT", abandoned="TRUE", by="citizen")
        .speaks(58)
        .story("waited in vain, leaves a message instead", end.VOICEMAIL, wait=39.59),
        waited()
        .ends(60, status="TIMEOUT", abandoned="TRUE", by="citizen")
        .speaks(58, is_long_enough=False)
        .story("waited in vain, says nothing where he could", end.QUEUE_TIMEOUT, wait=39.59),
        waited()
        .speaks(58)
        .queues(62, "night")
        .log(80, kind.ABANDONED, position="1", wait="18")
        .ends(80, abandoned="TRUE", by="citizen")
        .story("leaves a message, waits once more, gives up", end.QUEUE_ABANDON, wait=76.09),
        waited()
        .log(50, kind.NOT_TAKEN, status="NO_AGENT", queue="night")
        .ends(55, status="NO_AGENT")
        .story("waited in vain, and nobody is signed in in the next", end.NO_AGENT, wait=39.59),
        waited()
        .log(50, kind.TRANSFER_DIALLED, transfer="police", trunk="test")
        .log(55, kind.TRANSFER_ANSWERED, transfer="police", trunk="test")
        .log(300, kind.SWITCH_RESTARTED)
        .story("waited in vain, is put through, switch killed while they talk", end.TRANSFERRED),
        not_taken()
        .queues(4, "general")
        .connects(9, "1001")
        .completes(20, "1001", 11)
        .ends(20, agent="1001", status="CONTINUE")
        .story("nobody in the part, answered in the whole", end.ANSWERED, "1001", 4.59, 11),
        not_taken()
        .ends(12, status="NO_AGENT", by="citizen")
        .story("nobody signed in, hangs up in the menu behind it", end.NO_AGENT),
        not_taken()
        .ends(30, status="NO_AGENT", by="citizen")
        .speaks(29)
        .story("nobody signed in, leaves a message instead", end.VOICEMAIL),
        Teller()
        .arrives()
        .speaks(20)
        .log(22, kind.NOT_TAKEN, status="FULL", queue="general")
        .ends(25, status="FULL")
        .story("left a message, and then the line was full", end.QUEUE_FULL),
    ]


def _lost() -> list[Story]:
    kind, end = EventKind, Outcome
    return [
        Teller().arrives().ends(12).story("hangs up in the menu", end.IVR_ABANDON),
        Teller().arrives().ends(12, status=IVR_SERVED).story("the menu ends the call", end.IVR_SERVED),
        Teller()
        .arrives(is_server_up=False)
        .ends(3, is_server_up=False, status=IVR_SERVED)
        .story("the menu ends the call at once, and nobody could write it down", end.IVR_SERVED),
        Teller()
        .log(0, kind.ARRIVED, caller="13800138000", number_called="12345")
        .ends(2)
        .story("hangs up at once", end.QUICK_HANGUP),
        Teller()
        .arrives(is_server_up=False)
        .ends(20, is_server_up=False)
        .story("hangs up in the greeting while our server is frozen", end.IVR_ABANDON),
        Teller()
        .arrives()
        .queues(3.5)
        .log(33, kind.ABANDONED, position="1", wait="30")
        .ends(33.2, abandoned="TRUE")
        .story("gives up in the queue", end.QUEUE_ABANDON, wait=29.1),
        Teller()
        .arrives(is_server_up=False)
        .queues(0.2)
        .log(3, kind.ABANDONED, position="1", wait="3")
        .ends(3.1, abandoned="TRUE")
        .story("gives up in the queue within seconds", end.QUICK_HANGUP, wait=2.6),
        Teller()
        .arrives()
        .queues(3.5)
        .ami(28, kind.RANG, agent="1001")
        .log(33, kind.RING_CANCELLED, agent="1001")
        .log(33.1, kind.ABANDONED, position="1", wait="30")
        .ends(33.2, abandoned="TRUE")
        .story("gives up while a phone rings", end.RING_ABANDON, wait=29.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(10, kind.RING_CANCELLED, agent="1001")
        .log(33, kind.ABANDONED, position="1", wait="30")
        .ends(33.2, abandoned="TRUE")
        .story("gives up long after a cut ring", end.QUEUE_ABANDON, wait=29.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(43, kind.TIMED_OUT, wait="40")
        .ends(43.3, status="TIMEOUT", abandoned="TRUE")
        .story("waited past the limit", end.QUEUE_TIMEOUT, wait=39.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(24, kind.RING_MISSED, agent="1001", ring_ms="20000")
        .log(43, kind.TIMED_OUT, wait="40")
        .ends(43.3, status="TIMEOUT", abandoned="TRUE")
        .story("rang, nobody picked up", end.AGENT_NO_ANSWER, wait=39.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(20, kind.LEFT_EMPTY)
        .ends(20.2, status="LEAVEEMPTY", abandoned="TRUE")
        .story("the queue emptied", end.NO_AGENT, wait=16.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(20, kind.WITHDRAWN)
        .ends(20.2, status="WITHDRAW", abandoned="TRUE")
        .story("taken out by us", end.QUEUE_TIMEOUT, wait=16.1),
        Teller()
        .arrives()
        .queues(3.5)
        .log(20, kind.KEY_EXIT)
        .ends(22)
        .story("left by key", end.QUEUE_ABANDON, wait=16.1),
        Teller().arrives().ends(4, status="FULL").story("queue full", end.QUEUE_FULL),
        Teller().arrives().ends(4, status="JOINEMPTY").story("could not join", end.NO_AGENT),
        Teller()
        .arrives(is_server_up=False)
        .ends(1, is_server_up=False, status="NO_AGENT")
        .story("nobody signed in", end.NO_AGENT),
        Teller()
        .arrives()
        .queues(3.5)
        .connects(8, "1001")
        .log(30, kind.TRANSFERRED, kind="attended", to="heating")
        .queues(31, "heating")
        .log(61, kind.ABANDONED, position="2", wait="30")
        .ends(61.2, abandoned="TRUE", agent="1001")
        .story("transferred back, then gives up", end.QUEUE_ABANDON, wait=29.59),
        Teller()
        .arrives()
        .queues(3.5)
        .log(300, kind.SWITCH_RESTARTED)
        .story("switch killed while waiting", end.SYSTEM_LOSS),
        Teller()
        .arrives()
        .log(300, kind.SWITCH_RESTARTED)
        .story("switch killed in the menu", end.SYSTEM_LOSS),
        Teller()
        .arrives()
        .queues(3.5)
        .watch(300, kind.VANISHED)
        .story("gone without an end while waiting", end.SYSTEM_LOSS),
        Teller()
        .arrives()
        .queues(3.5)
        .watch(300, kind.VANISHED)
        .log(33, kind.ABANDONED, position="1", wait="30")
        .ends(33.2, abandoned="TRUE")
        .story("the end is heard after it was taken for gone", end.QUEUE_ABANDON, wait=29.1),
    ]


def _to_the_recorder() -> list[Story]:
    kind, end = EventKind, Outcome
    return [
        Teller().arrives().speaks(20).ends(20).story("leaves a message and hangs up", end.VOICEMAIL),
        Teller()
        .arrives()
        .speaks(20)
        .ends(25, status=IVR_SERVED)
        .story("leaves a message and hears the thanks", end.VOICEMAIL),
        Teller()
        .arrives(is_server_up=False)
        .speaks(20)
        .ends(20, is_server_up=False)
        .story("leaves a message, and nobody could write it down", end.VOICEMAIL),
        Teller()
        .arrives()
        .speaks(20, is_long_enough=False)
        .ends(20)
        .story("says nothing at the recorder", end.VOICEMAIL_NO_MESSAGE),
        Teller()
        .arrives()
        .speaks(20, is_long_enough=False)
        .ends(25, status=IVR_SERVED)
        .story("says nothing, and the menu ends the call", end.VOICEMAIL_NO_MESSAGE),
        Teller()
        .arrives(is_server_up=False)
        .speaks(2, is_long_enough=False)
        .ends(2)
        .story("comes to the recorder and hangs up at once", end.QUICK_HANGUP),
        Teller()
        .arrives()
        .speaks(20)
        .queues(21)
        .log(41, kind.ABANDONED, position="1", wait="20")
        .ends(41.2, abandoned="TRUE")
        .story("leaves a message, then gives up in the queue", end.QUEUE_ABANDON, wait=20.04),
        Teller()
        .arrives()
        .speaks(20)
        .agi(41.1, kind.ENDED, abandoned="TRUE", cause="16")
        .story("the same before the log of his wait is read", end.QUEUE_ABANDON),
        Teller()
        .arrives()
        .speaks(20)
        .queues(21)
        .connects(30, "1001")
        .completes(40, "1001", 10)
        .ends(40.1, agent="1001", status="CONTINUE")
        .story("leaves a message, then is served", end.ANSWERED, "1001", 9, 10),
        Teller()
        .arrives()
        .speaks(20)
        .ends(22, status="NO_AGENT")
        .story("leaves a message, then nobody is signed in", end.NO_AGENT),
        Teller()
        .arrives()
        .log(25, kind.SWITCH_RESTARTED)
        .speaks(20)
        .story("switch killed while he speaks", end.SYSTEM_LOSS),
    ]


def _live() -> list[Story]:
    end = Outcome
    return [
        Teller().arrives().story("in the menu", end.IN_PROGRESS),
        Teller().arrives().queues(3.5).story("waits", end.IN_PROGRESS),
        Teller().arrives().queues(3.5).connects(8, "1001").story("talks", end.IN_PROGRESS, "1001", 4.5),
    ]


def _cut_by_a_dead_phone() -> list[Story]:
    """The agent's phone died in mid-talk; what the citizen met when he was led back into the line."""
    end = Outcome

    def cut(*, is_server_up: bool = True) -> Teller:
        told = Teller().arrives(is_server_up=is_server_up).queues(3.5).connects(8.2, "1001")
        return told.completes(70, "1001", 61, by="agent")

    def back() -> Teller:
        return cut().queues(75)

    def ended(teller: Teller, status: str) -> Teller:
        return teller.ends(78, status=status, agent="1001", cause="44")

    return [
        ended(cut(), "FULL").story("cut, and the queue is full", end.QUEUE_FULL, wait=74.5),
        ended(cut(), "NO_AGENT").story("cut, and nobody is signed in", end.NO_AGENT, wait=74.5),
        ended(cut(), "JOINEMPTY").story("cut, and cannot join again", end.NO_AGENT, wait=74.5),
        ended(cut(), LOST_AGENT).story("cut, gives up in the apology", end.SYSTEM_LOSS, wait=74.5),
        cut(is_server_up=False)
        .ends(73, is_server_up=False, status=LOST_AGENT, agent="1001", cause="44")
        .story("cut, gives up in the apology, our server down", end.SYSTEM_LOSS, wait=69.5),
        back()
        .log(77, EventKind.ABANDONED, position="1", wait="2")
        .ends(77.1, abandoned="TRUE")
        .story("cut, gives up at once in the line", end.QUEUE_ABANDON, wait=73.5),
        cut()
        .agi(77.1, EventKind.ENDED, abandoned="TRUE", cause="16")
        .story("cut, gives up before the log of his second stay is read", end.QUEUE_ABANDON, wait=73.5),
        back()
        .connects(80, "1002")
        .completes(90, "1002", 10)
        .ends(90.1, agent="1002", status="CONTINUE")
        .story("cut, and served by another agent", end.ANSWERED, "1002", 5, 10),
        back().story("cut, and stands in the line again", end.IN_PROGRESS),
    ]


STORIES = (
    *_answered(),
    *_put_through(),
    *_led_on(),
    *_lost(),
    *_cut_by_a_dead_phone(),
    *_to_the_recorder(),
    *_live(),
)
