"""How a caller shall wait, as it is written on his channel before the dialplan leads him into a queue."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ivr.calls.channel import Channel
from ivr.lines import Lines
from ivr.menus.going_on import standing_in_words
from ivr.menus.steps import ToQueue
from vocabulary.hotline_names import QUEUE, WAY


@dataclass(frozen=True)
class InLine:
    """Words for the dialplan. "" is: the default queue of the number called; as the queue has it; of the credit: that which
    he has already."""

    queue: str
    wait: str = ""
    credit: str = ""
    announced: str = ""
    then: str = ""

    def way(self, sounds: str = "") -> str:
        """In one variable, `sounds` before it: so may a way begin that follows a transfer."""
        more = ":".join((self.wait, self.credit, self.announced, self.then))
        return f"{self.queue}:{sounds}" + (f":{more}" if more.strip(":") else "")

    def write(self, channel: Channel) -> None:
        """The queue last: what is cut before it ends in the default queue, and the dialplan follows no way to another one."""
        channel.set_variable(WAY, self.way())
        channel.set_variable(QUEUE, self.queue)


InLineOf: TypeAlias = Callable[[ToQueue], InLine]


def as_named(step: ToQueue) -> InLine:
    """Where nobody knows the queues."""
    return InLine(step.queue or "", then=standing_in_words(step))


def in_line(step: ToQueue, lines: Lines, default_queue: str) -> InLine:
    """In that queue, or in the part of it that has what he wants."""
    wanted, named = step.wanted, step.queue or default_queue
    serving = lines.serving(named, language=wanted.language, skill=wanted.skill, chosen=step.place.language)
    credit = lines.credit_of(wanted.priority)
    return InLine(
        serving.name if serving else named,
        wait="" if wanted.longest_wait is None else str(wanted.longest_wait),
        credit="" if credit is None else str(credit),
        announced="off" if wanted.announcements == "off" else "",
        then=standing_in_words(step),
    )
