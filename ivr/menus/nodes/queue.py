"""`queue`: hands the caller to a queue."""

from collections.abc import Collection
from typing import ClassVar, Literal

from ivr.menus.facts import Emergencies
from ivr.menus.node import Node
from ivr.menus.references import CategoryCode, QueueName
from ivr.menus.steps import Following, Place, ToQueue


class Queue(Node):
    """Hands the caller to a queue; without `queue`, to the default queue of the number called."""

    EXAMPLE: ClassVar[str] = """
kind: queue
queue: heating           # without it, the default queue of the number called
category: heating        # known to the ticket from the key that was pressed
"""
    REACHES_A_PERSON: ClassVar[bool] = True
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True

    kind: Literal["queue"]
    queue: QueueName | None = None
    category: CategoryCode | None = None
    """Category code for the ticket, known from the key that was pressed."""

    @property
    def leads_to_default_queue(self) -> bool:
        return self.queue is None

    def emergency_led_to(self, queues: Collection[str | None], transfers: Collection[str]) -> str | None:
        if self.queue not in queues:
            return None
        return "the number's default queue" if self.queue is None else f'the queue "{self.queue}"'

    def may_be_held_up(self, marked: Emergencies) -> bool:
        return self.queue not in marked.queues

    def enter(self, at: Place, key: str | None) -> Following:
        return ToQueue(at, self.queue, self.category)
