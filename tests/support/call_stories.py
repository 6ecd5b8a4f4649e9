"""Every ending of a call, and what Asterisk tells of each; here those that an agent answered and those that go on."""

from support.call_teller import Story, Teller
from support.stories_of_lost_calls import cut_by_a_dead_phone, lost
from support.stories_of_menus import led_on, put_through, to_the_recorder

from tickets.call_events import EventKind
from tickets.outcome import Outcome


def _answered() -> list[Story]:
    kind, end = EventKind, Outcome
    return [
        Teller()
        .arrives()
        .queues(3.5)
        .served(8.2, 70, "1001")
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


def _live() -> list[Story]:
    end = Outcome
    return [
        Teller().arrives().story("in the menu", end.IN_PROGRESS),
        Teller().arrives().queues(3.5).story("waits", end.IN_PROGRESS),
        Teller().arrives().queues(3.5).connects(8, "1001").story("talks", end.IN_PROGRESS, "1001", 4.5),
    ]


STORIES = (
    *_answered(),
    *put_through(),
    *led_on(),
    *lost(),
    *cut_by_a_dead_phone(),
    *to_the_recorder(),
    *_live(),
)
