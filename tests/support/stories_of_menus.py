"""Endings of calls that a menu led elsewhere than to an agent alone: put through, led on behind a queue, to the recorder."""

from support.call_teller import Story, Teller

from tickets.call_events import EventKind
from tickets.outcome import Outcome
from vocabulary.hotline_names import IVR_SERVED, TRANSFER_GIVEN_UP, TRANSFERRED


def put_through() -> list[Story]:
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
        .served(12, 42, "1001")
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


def led_on() -> list[Story]:
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
        .served(9, 20, "1001")
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


def to_the_recorder() -> list[Story]:
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
        .served(30, 40, "1001")
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
