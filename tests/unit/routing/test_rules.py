"""The first rule that fits speaks, and says why."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from routing.rules import Decision, RoutingRules, RuleFacts, Urgency, decide
from tickets.outcome import Outcome

FACTS = RuleFacts(
    number_called="12345",
    menu_path="main/1",
    queue="heating",
    local_time=datetime(2026, 11, 23, 19, 30),
    outcome=Outcome.ANSWERED,
    is_repeat_caller=False,
    queue_label="供热专席",
    number_masked="138****8000",
    broadcast="storm",
)


def rules(*lines: dict[str, Any]) -> RoutingRules:
    return RoutingRules.model_validate(
        {"rules": [*lines, {"id": "otherwise", "then": {"category": "general"}}]}
    )


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        ({"number_called": "12345"}, True),
        ({"number_called": "12319"}, False),
        ({"broadcast": "storm"}, True),
        ({"broadcast": "heating_outage"}, False),
        ({"menu_path": "main"}, True),
        ({"menu_path": "main/1"}, True),
        ({"menu_path": "main/"}, True),
        ({"menu_path": "main/10"}, False),
        ({"menu_path": "ma"}, False),
        ({"menu_path": "1"}, False),
        ({"queue": "heating"}, True),
        ({"queue": "general"}, False),
        ({"outcome": "answered"}, True),
        ({"outcome": ["queue_timeout", "answered"]}, True),
        ({"outcome": ["queue_timeout"]}, False),
        ({"hours": "18:00-08:00"}, True),
        ({"hours": "08:00-18:00"}, False),
        ({"repeat_caller": False}, True),
        ({"repeat_caller": True}, False),
        ({"queue": "heating", "hours": "08:00-18:00"}, False),
    ],
)
def test_conditions(when: dict[str, Any], fits: bool):
    decision = decide(rules({"id": "first", "when": when}), FACTS)
    assert decision.rule_id == ("first" if fits else "otherwise")


def test_a_ticket_says_which_rule_made_it_and_why():
    night = {
        "id": "night-heating",
        "when": {"queue": "heating", "outcome": ["answered"], "hours": "18:00-08:00", "repeat_caller": False},
        "then": {
            "title": "{queue_label} {number_masked} {local_time}",
            "urgency": "critical",
            "category": "heat",
        },
    }
    assert decide(rules(night), FACTS) == Decision(
        rule_id="night-heating",
        why="queue=heating outcome=answered hours=18:00-08:00 repeat_caller=false",
        title="供热专席 138****8000 2026-11-23 19:30",
        urgency=Urgency.CRITICAL,
        category="heat",
    )


def test_the_last_rule_takes_every_call_even_one_without_queue_or_menu():
    bare = replace(FACTS, queue=None, menu_path=None, outcome=Outcome.IVR_ABANDON)
    decision = decide(
        rules({"id": "a", "when": {"menu_path": "main"}}, {"id": "b", "when": {"queue": "heating"}}), bare
    )
    assert (decision.rule_id, decision.why) == ("otherwise", "always")


def test_a_rule_may_want_no_ticket():
    silent = {
        "id": "silent",
        "when": {"outcome": "answered_no_talk"},
        "then": {"ticket": False, "disposition": "silent"},
    }
    decision = decide(rules(silent), replace(FACTS, outcome=Outcome.ANSWERED_NO_TALK))
    assert (decision.ticket, decision.disposition) == (False, "silent")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "the last rule must fit every call: leave its `when` out"),
        ([{"id": "a", "when": {"queue": "x"}}], "the last rule must fit every call"),
        ([{"id": "a"}, {"id": "b"}], 'rule "a" fits every call, so no rule after it is ever used'),
        ([{"id": "a", "when": {"queue": "x"}}, {"id": "a"}], 'two rules are called "a"'),
        ([{"id": "a", "then": {"title": "{number}"}}], 'no field "{number}"'),
        ([{"id": "a", "then": {"title": "{queue_label.__class__}"}}], "no field"),
        ([{"id": "a", "then": {"title": "{"}}], "Single '{' encountered"),
        ([{"id": "a", "when": {"hours": "late"}}, {"id": "b"}], "not a stretch of the day"),
        ([{"id": "a", "when": {"outcome": []}}, {"id": "b"}], "an empty list fits no call"),
        ([{"id": "a", "when": {"colour": "red"}}, {"id": "b"}], "Extra inputs"),
    ],
)
def test_rules_that_make_no_sense(lines: list[dict[str, Any]], words: str):
    with pytest.raises(ValidationError, match=words.replace("{", r"\{").replace("}", r"\}")):
        RoutingRules.model_validate({"rules": lines})


def test_a_path_over_several_menu_files_fits_by_any_of_them():
    crossed = replace(FACTS, menu_path="main/to_tax//tax/choose/person")
    for wanted in ("main", "main/to_tax", "tax", "tax/choose", "main/to_tax//tax/choose"):
        made = decide(rules({"id": "a", "when": {"menu_path": wanted}}), crossed)
        assert (wanted, made.rule_id) == (wanted, "a")
    for wanted in ("to_tax", "choose", "tax/person", "tax/cho", "main//tax"):
        made = decide(rules({"id": "a", "when": {"menu_path": wanted}}), crossed)
        assert (wanted, made.rule_id) == (wanted, "otherwise")
