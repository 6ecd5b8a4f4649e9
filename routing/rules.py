"""The call is answered or over: which rule speaks for it, what ticket that makes, and why.

Pure: values in, a decision out. Whether named queues, menus and codes exist is checked with the other files.
"""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    field_validator,
    model_validator,
)

from tickets.codes import CodeText
from tickets.decision import Decision, Urgency
from tickets.outcome import Outcome
from vocabulary.day_hours import BadDayHours, DayHours

__all__ = ["Decision", "RoutingRules", "Rule", "RuleFacts", "Then", "Urgency", "When", "decide"]

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
TITLE_FIELDS = ("queue_label", "number_masked", "local_time", "call_id", "voicemail_seconds")
"""What title and text of a ticket may tell of the call, each in braces."""


def _as_list(value: object) -> object:
    """One outcome may be written without brackets."""
    return [value] if isinstance(value, str) else value


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class When(_Strict):
    """All that is written must fit; what is not written fits every call."""

    number_called: str | None = None
    menu_path: str | None = None
    queue: str | None = None
    outcome: Annotated[tuple[Outcome, ...], BeforeValidator(_as_list)] | None = None
    hours: str | None = None
    repeat_caller: bool | None = None
    broadcast: str | None = None
    """The name of an emergency message that was on when the citizen called."""

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, hours: str | None) -> str | None:
        try:
            return None if hours is None else str(DayHours.parse(hours))
        except BadDayHours as fault:
            raise ValueError(str(fault)) from fault

    @field_validator("outcome")
    @classmethod
    def _is_not_empty(cls, outcome: tuple[Outcome, ...] | None) -> tuple[Outcome, ...] | None:
        if outcome is not None and not outcome:
            raise ValueError("an empty list fits no call; leave the line out to fit every outcome")
        return outcome

    @property
    def fits_every_call(self) -> bool:
        """No condition is written."""
        return all(getattr(self, name) is None for name in When.model_fields)


class Then(_Strict):
    """What the ticket gets; with `ticket: false` only the call's disposition is set."""

    ticket: bool = True
    title: str | None = None
    text: str | None = None
    category: CodeText | None = None
    area: CodeText | None = None
    unit: CodeText | None = None
    urgency: Urgency | None = None
    disposition: CodeText | None = None
    link_open_ticket_same_day: bool = False

    @field_validator("title", "text")
    @classmethod
    def _is_a_title(cls, title: str | None) -> str | None:
        if title is not None:
            fill_title(title, dict.fromkeys(TITLE_FIELDS, ""))
        return title


class Rule(_Strict):
    """One line of config/routing_rules.yaml."""

    id: RuleId
    when: When = When()
    then: Then = Then()


class RoutingRules(_Strict):
    """config/routing_rules.yaml: the first rule that fits wins, and the last one fits every call."""

    rules: tuple[Rule, ...]

    @property
    def ask_for_repeats(self) -> bool:
        """Some rule looks whether the citizen called before, so it has to be looked up."""
        return any(rule.when.repeat_caller is not None for rule in self.rules)

    @model_validator(mode="after")
    def _order_makes_sense(self) -> Self:
        if not self.rules or not self.rules[-1].when.fits_every_call:
            raise ValueError("the last rule must fit every call: leave its `when` out")
        for early in self.rules[:-1]:
            if early.when.fits_every_call:
                raise ValueError(f'rule "{early.id}" fits every call, so no rule after it is ever used')
        ids = [rule.id for rule in self.rules]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f'two rules are called "{name}"')
        return self


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What rules may look at. `local_time` is on the hotline's own clock; the last four only fill
    titles and texts."""

    number_called: str
    menu_path: str | None
    queue: str | None
    local_time: datetime
    outcome: Outcome
    is_repeat_caller: bool
    queue_label: str = ""
    number_masked: str = ""
    call_id: str = ""
    voicemail_seconds: float | None = None
    broadcast: str | None = None


def decide(rules: RoutingRules, facts: RuleFacts) -> Decision:
    """The first rule that fits; the last one fits every call."""
    for rule in rules.rules:
        reasons = _reasons(rule.when, facts)
        if reasons is not None:
            return _decision(rule, reasons, facts)
    raise AssertionError("the last rule fits every call")


def fill_title(template: str, values: Mapping[str, str]) -> str:
    """Replaces {name} by its value and nothing else; ValueError for an unknown name or a stray brace."""
    filled: list[str] = []
    for text, field, spec, conversion in string.Formatter().parse(template):
        filled.append(text)
        if field is None:
            continue
        if spec or conversion or field not in values:
            raise ValueError(
                f'a title or text has no field "{{{field}}}"; it knows {", ".join(sorted(values))}'
            )
        filled.append(values[field])
    return "".join(filled)


def _reasons(when: When, facts: RuleFacts) -> list[str] | None:
    """The conditions that fitted, in words for the ticket; None if one did not."""
    checks = (
        ("number_called", when.number_called, when.number_called == facts.number_called),
        ("menu_path", when.menu_path, _begins_with(facts.menu_path, when.menu_path)),
        ("queue", when.queue, when.queue == facts.queue),
        ("outcome", when.outcome and facts.outcome.value, facts.outcome in (when.outcome or ())),
        ("hours", when.hours, _is_within(when.hours, facts.local_time)),
        ("repeat_caller", when.repeat_caller, when.repeat_caller == facts.is_repeat_caller),
        ("broadcast", when.broadcast, when.broadcast == facts.broadcast),
    )
    written = [(name, wanted, fits) for name, wanted, fits in checks if wanted is not None]
    if not all(fits for _, _, fits in written):
        return None
    return [f"{name}={_word(wanted)}" for name, wanted, _ in written]


def _word(wanted: object) -> str:
    return str(wanted).lower() if isinstance(wanted, bool) else str(wanted)


def _begins_with(path: str | None, wanted: str | None) -> bool:
    """`main/1` fits `main/1` and `main/1/2`, not `main/10`. Where a walk came into another menu file stands // : `tax/choose`
    fits `main/1//tax/choose/person` too, by whatever way the caller came there."""
    if path is None or wanted is None:
        return False
    return f"//{wanted.rstrip('/')}/" in f"//{path}/"


def _is_within(hours: str | None, local_time: datetime) -> bool:
    return hours is not None and DayHours.parse(hours).covers(local_time.time())


def _decision(rule: Rule, reasons: Sequence[str], facts: RuleFacts) -> Decision:
    then = rule.then
    values = _title_values(facts)
    title = then.title and fill_title(then.title, values)
    return Decision(
        rule_id=rule.id,
        why=" ".join(reasons) or "always",
        ticket=then.ticket,
        title=title,
        text=then.text and fill_title(then.text, values),
        category=then.category,
        area=then.area,
        unit=then.unit,
        urgency=then.urgency,
        disposition=then.disposition,
        link_open_ticket_same_day=then.link_open_ticket_same_day,
    )


def _title_values(facts: RuleFacts) -> dict[str, str]:
    return {
        "queue_label": facts.queue_label or facts.queue or "",
        "number_masked": facts.number_masked,
        "local_time": facts.local_time.strftime("%Y-%m-%d %H:%M"),
        "call_id": facts.call_id,
        "voicemail_seconds": "" if facts.voicemail_seconds is None else f"{facts.voicemail_seconds:.0f}",
    }
