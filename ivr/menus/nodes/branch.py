"""`branch`: on by what is known of the hour, the caller and the queues, without asking the caller anything."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ivr.menus.facts import Facts
from ivr.menus.node import Node
from ivr.menus.references import CalendarName, NodeName, QueueName
from ivr.menus.steps import Ask, Following, GoOn, Place
from ivr.plain_text import SharedName, Written, refusal


class Waiting(Written):
    """Callers waiting in a queue; without `queue`, in the default queue of the number called."""

    queue: QueueName | None = None
    at_least: Annotated[int, Field(ge=1, le=5000)]


class EstimatedWait(Written):
    """How long a caller would wait: parties ahead × mean handling time of the last 30 minutes ÷ agents not paused."""

    queue: QueueName | None = None
    at_least_seconds: Annotated[int, Field(ge=1, le=7200)]


class AgentsReady(Written):
    """Agents who could take a call now."""

    queue: QueueName | None = None
    fewer_than: Annotated[int, Field(ge=1, le=1000)]


class Value(Written):
    """A value that the dialplan keeps for this call, such as HOTLINE_TRUNK, or what was typed at a `collect` before."""

    name: SharedName
    one_of: Annotated[list[str], Field(min_length=1, max_length=100)]

    def fits(self, facts: Facts, at: Place) -> bool:
        typed = dict(at.kept)
        return (typed[self.name] if self.name in typed else facts.value(self.name)) in self.one_of


class When(Written):
    """All that is written must fit; what is not known fits nothing."""

    hours: CalendarName | None = None
    """Open now, by config/calendar/<hours>.yaml."""
    holiday: bool | None = None
    withheld: bool | None = None
    repeat_caller: bool | None = None
    waiting: Waiting | None = None
    estimated_wait: EstimatedWait | None = None
    agents_ready: AgentsReady | None = None
    value: Value | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if all(getattr(self, name) is None for name in type(self).model_fields):
            raise refusal(
                "asks nothing, so it would fit every call", "Write a condition, or lead there by else."
            )
        return self

    def fits(self, facts: Facts, at: Place) -> bool:
        """What costs least is asked first, and nothing more after the first that does not fit."""
        return (
            (self.hours is None or facts.is_open(self.hours) is True)
            and (self.holiday is None or facts.is_public_holiday() is self.holiday)
            and (self.withheld is None or facts.is_withheld() is self.withheld)
            and (self.value is None or self.value.fits(facts, at))
            and self._queue_fits(facts)
            and (self.repeat_caller is None or facts.is_repeat_caller() is self.repeat_caller)
        )

    def _queue_fits(self, facts: Facts) -> bool:
        if self.waiting:
            waiting = facts.callers_waiting(self.waiting.queue)
            if waiting is None or waiting < self.waiting.at_least:
                return False
        if self.agents_ready:
            ready = facts.agents_ready(self.agents_ready.queue)
            if ready is None or ready >= self.agents_ready.fewer_than:
                return False
        if self.estimated_wait:
            seconds = facts.estimated_wait(self.estimated_wait.queue)
            return seconds is not None and seconds >= self.estimated_wait.at_least_seconds
        return True


class Case(Written):
    when: When
    then: NodeName


class Branch(Node):
    """Goes on by the first case that fits; by `else` if none does, or nothing can be known now."""

    EXAMPLE: ClassVar[str] = """
kind: branch
cases:                                    # the first that fits
  - when: {hours: office}                 # open by calendar/office.yaml; `holiday: true`: a public holiday
    then: choose
  - when: {withheld: true}                # the caller shows no number
    then: person
  - when: {repeat_caller: true}           # called before within repeat_caller_hours of hotline.yaml
    then: again
  - when: {waiting: {queue: heating, at_least: 20}, agents_ready: {queue: heating, fewer_than: 1}}   # both
    then: busy
  - when: {estimated_wait: {at_least_seconds: 300}}   # without `queue`: that of the number called
    then: busy
  - when: {value: {name: HOTLINE_TRUNK, one_of: [carrier-a]}}
    then: choose
else: person                              # also when it cannot be found out in time
"""
    STANDS_BEHIND_A_TRANSFER: ClassVar[bool] = True
    kind: Literal["branch"]
    cases: Annotated[list[Case], Field(min_length=1, max_length=20)]
    otherwise: Annotated[NodeName, Field(alias="else")]

    def enter(self, at: Place, key: str | None) -> Following:
        return Ask(lambda facts: GoOn(self._chosen(facts, at), key))

    def _chosen(self, facts: Facts, at: Place) -> str:
        return next((case.then for case in self.cases if case.when.fits(facts, at)), self.otherwise)
