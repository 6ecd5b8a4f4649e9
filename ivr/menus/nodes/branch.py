"""`branch`: on by what is known of the hour, the caller and the queues, without asking the caller anything."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ivr.menus.facts import Facts
from ivr.menus.node import Node
from ivr.menus.references import CalendarName, ListName, NodeName, Path, QueueName
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

    def fits(self, facts: Facts, at: Place) -> bool | None:
        typed = dict(at.kept)
        value = typed[self.name] if self.name in typed else facts.value(self.name)
        return None if value is None else value in self.one_of


class When(Written):
    """All that is written must fit; what is not known fits nothing."""

    hours: CalendarName | None = None
    """Open now, by config/calendar/<hours>.yaml."""
    holiday: bool | None = None
    withheld: bool | None = None
    caller_on: ListName | None = None
    """The caller's number is on config/lists/<caller_on>.yaml, by an entry in force."""
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
        return all(answer is True for answer in self._answers(facts, at))

    def may_fit(self, facts: Facts, at: Place) -> bool:
        """It fits, or nothing that is known says that it does not."""
        return all(answer is not False for answer in self._answers(facts, at))

    def _answers(self, facts: Facts, at: Place) -> Iterator[bool | None]:
        """Whether each condition fits; None: not known. What costs least is asked first."""
        if self.hours is not None:
            yield facts.is_open(self.hours)
        if self.holiday is not None:
            yield _is(facts.is_public_holiday(), self.holiday)
        if self.withheld is not None:
            yield _is(facts.is_withheld(), self.withheld)
        if self.caller_on is not None:
            yield facts.is_caller_on(self.caller_on)
        if self.value is not None:
            yield self.value.fits(facts, at)
        if self.waiting:
            waiting = facts.callers_waiting(self.waiting.queue)
            yield None if waiting is None else waiting >= self.waiting.at_least
        if self.agents_ready:
            ready = facts.agents_ready(self.agents_ready.queue)
            yield None if ready is None else ready < self.agents_ready.fewer_than
        if self.estimated_wait:
            seconds = facts.estimated_wait(self.estimated_wait.queue)
            yield None if seconds is None else seconds >= self.estimated_wait.at_least_seconds
        if self.repeat_caller is not None:
            yield _is(facts.is_repeat_caller(), self.repeat_caller)

    @property
    def words(self) -> str:
        """As an admin may write it: `hours: office, withheld: true`."""
        return ", ".join(
            f"{name}: {_written(value)}" for name, value in self.model_dump(exclude_none=True).items()
        )


def _is(known: bool | None, wanted: bool) -> bool | None:
    return None if known is None else known is wanted


def _written(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_written(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_written(inner) for inner in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)


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
  - when: {caller_on: enterprises}        # by lists/enterprises.yaml; of a blocklist: by an entry in force now
    then: desk
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
    LEADS_BY_WHAT_IS_KNOWN: ClassVar[bool] = True
    kind: Literal["branch"]
    cases: Annotated[list[Case], Field(min_length=1, max_length=20)]
    otherwise: Annotated[NodeName, Field(alias="else")]

    def enter(self, at: Place, key: str | None) -> Following:
        return Ask(lambda facts: GoOn(self._chosen(facts, at), key), lambda facts: self._ways(facts, at, key))

    def led_by(self, path: Path) -> str:
        place = path[1] if len(path) > 1 else None
        if not isinstance(place, int):
            return "else"
        return f"case {place + 1}: {self.cases[place].when.words}"

    def decided(self, facts: Facts, at: Place) -> str | None:
        """`case 2: hours: office (case 1 is not so)`, `else (case 1 is not so, case 2 is not known)`."""
        before: list[str] = []
        why = ""
        for number, case in enumerate(self.cases, start=1):
            if case.when.fits(facts, at):
                return f"case {number}: {case.when.words}{why}"
            is_unknown = case.when.may_fit(facts, at)
            before.append(f"case {number} is {'not known' if is_unknown else 'not so'}")
            why = f" ({', '.join(before)})"
        return f"else{why}"

    def list_that_led(self, facts: Facts, at: Place) -> str | None:
        case = self._case(facts, at)
        return None if case is None else case.when.caller_on

    def _chosen(self, facts: Facts, at: Place) -> str:
        case = self._case(facts, at)
        return self.otherwise if case is None else case.then

    def _case(self, facts: Facts, at: Place) -> Case | None:
        return next((case for case in self.cases if case.when.fits(facts, at)), None)

    def _ways(self, facts: Facts, at: Place, key: str | None) -> tuple[tuple[str, GoOn], ...]:
        """Each case that may be the first that fits, and `else` unless one of them must."""
        open_ways: list[tuple[str, GoOn]] = []
        for number, case in enumerate(self.cases, start=1):
            if case.when.may_fit(facts, at):
                words = case.when.words
                is_again = any(
                    words == told for told, _ in open_ways
                )  # what is so may change between two looks
                open_ways.append((f"{words} (case {number})" if is_again else words, GoOn(case.then, key)))
            if case.when.fits(facts, at):
                return tuple(open_ways)
        return (*open_ways, ("else", GoOn(self.otherwise, key)))
