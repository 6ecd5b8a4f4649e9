"""Two menus with nodes of every kind, and what the other config files need for them: laid over shipped examples, so that the
second number of every line leads there and no story reloads anything."""

from collections.abc import Mapping
from typing import Any

from support.running_hotline import TEST_CHANGES, Change
from support.short_words import short_words

STORY, OTHER_MENU = "examples/with_keys", "examples/with_emergency_key"
"""Two of the shipped examples, which hold other nodes here: the second number of every line leads to the first."""
CHOICE = {
    "no_key": {"then": "silent"},
    "wrong_key": {"replays": 2, "prompts": ["wrong_key"], "then": "person"},
}


def _put_through(to: str) -> dict[str, Any]:
    return {
        "kind": "transfer",
        "to": to,
        "prompts": ["connecting"],
        "no_answer": {"prompts": ["nobody_answers_there"], "then": "person"},
        "failed": {"prompts": ["not_reached"], "then": "person"},
        "after": "person",
    }


OUTSIDE = {"outside": "13900000110", "rings_out": "13700000110"}
"""The first digits say what they do: one picks up and hangs up soon, one lets it ring."""
BROADCASTS = ("storm_known", "storm_to_do", "heating_outage_known", "heating_outage_to_do")
DIGITS = [f"digit_{n}" for n in range(10)]
NODES: dict[str, dict[str, Any]] = {
    "hello": {"kind": "say", "prompts": ["greeting"], "interruptible": True, "next": "choose"},
    "choose": {
        "kind": "menu",
        "prompts": ["choose_matter"],
        "wait_seconds": 10,
        "keys": {
            "1": "number",
            "2": "bye",
            "4": "english",
            "5": "news",
            "6": "message",
            "0": "outside",
            "*": "rings_out",
        },
        **CHOICE,
    },
    "number": {
        "kind": "collect",
        "prompts": ["enter_meter_number"],
        "length": {"at_least": 2, "at_most": 2},
        "wait_seconds": 10,
        "keep": "HOTLINE_INPUT_METER",
        "read_back": {
            "before": ["you_entered"],
            "digits": DIGITS,
            "after": ["right_or_again"],
            "right_key": "1",
        },
        "then": "whose",
        "failed": {"replays": 1, "prompts": ["wrong_number"], "then": "person"},
    },
    "whose": {
        "kind": "branch",
        "cases": [{"when": {"value": {"name": "HOTLINE_INPUT_METER", "one_of": ["67"]}}, "then": "heating"}],
        "else": "person",
    },
    "english": {"kind": "language", "language": "en", "next": "on"},
    "on": {"kind": "goto", "menu": OTHER_MENU},
    "heating": {"kind": "queue", "category": "heating"},
    "news": {"kind": "broadcast", "next": "on"},
    "message": {
        "kind": "voicemail",
        "prompts": ["leave_message"],
        "longest_seconds": 60,
        "silence_seconds": 20,
        "end_key": "#",
        "then": "person",
        "too_short": {"replays": 0, "then": "person"},
    },
    "outside": _put_through("outside"),
    "rings_out": _put_through("rings_out"),
    "bye": {"kind": "hang_up", "prompts": ["goodbye"]},
    "silent": {"kind": "queue"},
    "person": {"kind": "queue"},
}
OTHER: dict[str, dict[str, Any]] = {
    "again": {
        "kind": "menu",
        "prompts": ["choose_matter"],
        "wait_seconds": 10,
        "keys": {"3": "water"},
        **CHOICE,
    },
    "water": {"kind": "queue", "category": "water"},
    "silent": {"kind": "queue"},
    "person": {"kind": "queue"},
}


def _with_somebody_outside(found: dict[str, Any]) -> None:
    TEST_CHANGES["hotline.yaml"](found)
    found["trunks"][0]["allow_transfer"].append("1[3-9]XXXXXXXXX")
    for queue in found["queues"]:
        queue["languages"] = ["zh", "en"]
    found["transfers"] += [
        {"name": name, "label": name, "number": number, "trunks": ["test-loopback"], "ring_seconds": 12}
        for name, number in OUTSIDE.items()
    ]


def _without_a_rule_by_path(found: dict[str, Any]) -> None:
    found["rules"] = [rule for rule in found["rules"] if "menu_path" not in rule.get("when", {})]


def _in_english_too(found: dict[str, Any]) -> None:
    list(short_words(found))
    for name in ("choose_matter", "wrong_key", *BROADCASTS):
        found["prompts"][name]["en"] = "Yes."
    found["prompts"]["storm_known"]["zh"] = "，".join(["您好"] * 5)  # long enough to press a key in


CHANGES: Mapping[str, Change] = {
    "prompts.yaml": _in_english_too,
    "hotline.yaml": _with_somebody_outside,
    "routing_rules.yaml": _without_a_rule_by_path,
    f"menus/{STORY}.yaml": lambda found: found.update(start="hello", nodes=NODES),
    f"menus/{OTHER_MENU}.yaml": lambda found: found.update(start="again", nodes=OTHER),
}
