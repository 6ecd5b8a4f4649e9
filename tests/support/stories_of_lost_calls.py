"""Endings of calls that nobody served, or that a dead phone cut off."""

from support.call_teller import Story, Teller

from tickets.call_events import EventKind
from tickets.outcome import Outcome
from vocabulary.hotline_names import IVR_SERVED, LOST_AGENT


def lost() -> list[Story]:
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


def cut_by_a_dead_phone() -> list[Story]:
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
        back().served(80, 90, "1002").story("cut, and served by another agent", end.ANSWERED, "1002", 5, 10),
        back().story("cut, and stands in the line again", end.IN_PROGRESS),
    ]
