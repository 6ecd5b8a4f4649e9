"""`queue`: hands the caller to a queue; whom nobody serves there in time may go on in the menu."""

from collections.abc import Collection
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ivr.lines import Language, OnOff
from ivr.menus.facts import Emergencies
from ivr.menus.node import Node
from ivr.menus.references import CategoryCode, OtherwiseNode, PriorityName, QueueName, SkillName
from ivr.menus.steps import Asking, Following, GoOn, Place, ToQueue, WaitInLine, Wanted
from ivr.plain_text import refusal


class Queue(Node):
    """Hands the caller to a queue; without `queue`, to the default queue of the number called.

    With `then` he goes on there, to another queue, a menu or a message, when he has waited `longest_wait`, and at once where
    nobody is signed in or the line is full as he comes. Who goes on keeps his place by arrival, his class and the language
    that he chose; he hears no broadcast there. Who stands in line when the last agent signs out waits on. From the sixteenth
    line of one call on he is led on no more, and waits there as long as the queue allows. While our server is away nobody can
    be led on: who waited waits on, whom the queue does not take goes to the default queue of the number called.

    A language or a skill is had by all agents of a queue (`languages`, `skills` in hotline.yaml): the caller stands in the
    queue named if it has what is wanted, else in the first of its parts (`part_of`) that has. A language that he chose in the
    menu is wanted by itself, where the queue or a part of it speaks it; also in the default queue, should his walk break off."""

    EXAMPLE: ClassVar[str] = """
kind: queue
queue: heating           # without it, the default queue of the number called
category: heating        # known to the ticket from the key that was pressed
priority: disabled       # a class of hotline.yaml (priority_classes): so many seconds earlier in line; left out: as before
language: en             # of the agents; left out: that which the caller chose in the menu, if anybody there speaks it
skill: sign_language     # of the agents, in the words of hotline.yaml
announcements: off       # on or off, where the queue has any; left out: as the queue has it
longest_wait: 120        # seconds; without it as long as the queue allows (longest_wait_seconds)
then: everybody          # whom nobody served goes on there; left out: an apology, and a call back to those who are owed one
"""
    REACHES_A_PERSON: ClassVar[bool] = True
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True
    IS_GONE_ON_ANEW: ClassVar[bool] = True

    kind: Literal["queue"]
    queue: QueueName | None = None
    category: CategoryCode | None = None
    """Category code for the ticket, known from the key that was pressed."""
    priority: PriorityName | None = None
    language: Language | None = None
    skill: SkillName | None = None
    announcements: OnOff | None = None
    """Whether he is told his place and how long others have waited, in a queue that tells it."""
    longest_wait: Annotated[int, Field(ge=5, le=7200)] | None = None
    """Seconds."""
    then: OtherwiseNode | None = None
    """Where he goes on whom nobody served."""

    @model_validator(mode="after")
    def _waits_a_known_time(self) -> Self:
        if self.then is not None and self.longest_wait is None:
            remedy = "Write longest_wait: and the seconds after which the caller goes on."
            raise refusal("then without longest_wait", remedy, "then")
        return self

    @property
    def leads_to_default_queue(self) -> bool:
        return self.queue is None

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.language, self.skill, self.priority, self.announcements, self.longest_wait)

    def emergency_led_to(self, queues: Collection[str | None], transfers: Collection[str]) -> str | None:
        if self.queue not in queues:
            return None
        return "the number's default queue" if self.queue is None else f'the queue "{self.queue}"'

    def may_be_held_up(self, marked: Emergencies) -> bool:
        return self.queue not in marked.queues

    def enter(self, at: Place, key: str | None) -> Following:
        step = ToQueue if self.then is None else WaitInLine
        return step(at, self.queue, self.category, self.wanted)

    def answered(self, step: Asking, key: str | None) -> Following:
        assert self.then is not None  # who waits without it is never asked again
        return GoOn(self.then)
