"""Nodes of menus as they are written, for tests that make up menus."""

from collections.abc import Mapping
from typing import Any


def choose(keys: Mapping[str, str], silent: str = "person", wrong: str = "person") -> dict[str, Any]:
    return {
        "kind": "menu",
        "prompts": ["a"],
        "keys": dict(keys),
        "no_key": {"then": silent},
        "wrong_key": {"then": wrong},
    }
