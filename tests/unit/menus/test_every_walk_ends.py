"""Random valid menus of every node type, in two files, random keys and a world that changes at will: each walk ends within
the bound that the simulator states."""

import json
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.lines import Language
from ivr.menus.facts import NO_FACTS, Emergencies, OnAir
from ivr.menus.going_on import standing, standing_in_words
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import longest_walk, moments
from ivr.menus.navigation import LONGEST_WALK
from ivr.menus.nodes import NODE_TYPE_OF, NODE_TYPES
from ivr.menus.references import references
from ivr.menus.simulation import simulate
from ivr.menus.steps import ALL_KEYS, Owed, WaitInLine
from ivr.menus.walker import Walker, answers, is_asking, lasting

LENGTHS = {"a": 5.0, "b": 7.0, "c": 0.0} | {f"digit_{n}": float(n) for n in range(10)}
FILES = ("x", "y")
NODES = 5


def seconds(prompt: str, language: Language | None) -> float:
    """The site speaks Chinese; b is longer in English, all else is shorter there."""
    length = LENGTHS.get(prompt, 1.0)
    return length if language in (None, "zh") else length * (3.0 if prompt == "b" else 0.5)


@dataclass(frozen=True)
class Written:
    """Writes nodes at random, as a menu file may hold them."""

    chance: Random

    def file(self) -> MenuFile:
        writers = (
            *(self.say, self.menu, self.collect, self.branch, self.goto, self.queue),
            *[self.like_an_example] * 4,
        )
        nodes = {f"n{i}": self.chance.choice(writers)() for i in range(NODES)}
        text = json.dumps({"start": "n0", "nodes": nodes})  # which is YAML too
        menu, problems = validated(MenuFile, read("menus/x.yaml", text.encode()))
        assert menu is not None, problems
        return menu

    def name(self) -> str:
        return f"n{self.chance.randrange(NODES)}"

    def prompts(self) -> list[str]:
        return self.chance.choices("abc", k=self.chance.randint(1, 3))

    def maybe(self, **fields: Any) -> dict[str, Any]:
        return {name: value for name, value in fields.items() if self.chance.random() < 0.5}

    def rule(self) -> dict[str, Any]:
        return {"then": self.name(), **self.maybe(replays=self.chance.randint(0, 5))}

    def wrong(self) -> dict[str, Any]:
        return {**self.rule(), **self.maybe(prompts=self.prompts())}

    def say(self) -> dict[str, Any]:
        more = self.maybe(interruptible=True)
        return {"kind": "say", "prompts": self.prompts(), "next": self.name(), **more}

    def menu(self) -> dict[str, Any]:
        keys = {key: self.name() for key in self.chance.sample(ALL_KEYS, self.chance.randint(1, 12))}
        more = self.maybe(interruptible=False, wait_seconds=self.chance.randint(1, 30))
        rules = {"no_key": self.rule(), "wrong_key": self.wrong()}
        return {"kind": "menu", "prompts": self.prompts(), "keys": keys, **rules, **more}

    def collect(self) -> dict[str, Any]:
        least, most = self.chance.choice([(1, 1), (1, 4), (3, 3), (2, 30)])
        digits = [f"digit_{n}" for n in range(10)]
        back = {"digits": digits, "after": self.prompts(), "right_key": self.chance.choice("10*")}
        more = self.maybe(end_key="#", read_back=back | self.maybe(before=self.prompts()))
        return {
            "kind": "collect",
            "prompts": self.prompts(),
            "length": {"at_least": least, "at_most": most},
            "wait_seconds": self.chance.randint(1, 30),
            "keep": self.chance.choice(["HOTLINE_INPUT_A", "HOTLINE_INPUT_B"]),
            "then": self.name(),
            "failed": self.wrong(),
            **more,
        }

    def branch(self) -> dict[str, Any]:
        typed = {"name": "HOTLINE_INPUT_A", "one_of": ["1", "22", "333"]}
        conditions = {"hours": "office", "holiday": False, "waiting": {"at_least": 3}, "value": typed}
        cases = []
        for _ in range(self.chance.randint(1, 3)):
            when = self.maybe(**conditions) or {"withheld": True}
            cases.append({"when": when, "then": self.name()})
        return {"kind": "branch", "cases": cases, "else": self.name()}

    def goto(self) -> dict[str, Any]:
        return {"kind": "goto", "menu": self.chance.choice(FILES)}

    def queue(self) -> dict[str, Any]:
        wait = {"longest_wait": self.chance.randint(5, 7200)}
        how = {"priority": "disabled", "skill": "tax", "announcements": self.chance.choice(("on", "off"))}
        more = self.maybe(queue="heating", language=self.chance.choice(("zh", "en")), **how)
        further: dict[str, Any] = self.chance.choice(({}, wait, {**wait, "then": self.name()}))
        return {"kind": "queue", **more, **further}

    def like_an_example(self) -> dict[str, Any]:
        """The example of the docs, its ways leading anywhere: so that a node type of tomorrow is walked too."""
        node_type = self.chance.choice(NODE_TYPES)
        made: dict[str, Any] = yaml.safe_load(node_type.EXAMPLE)
        for found in list(references(node_type, made)):
            if found.refers.to in ("node", "menu"):
                group: Any = made
                for step in found.path[:-1]:
                    group = group[step]
                group[found.path[-1]] = (
                    self.name() if found.refers.to == "node" else self.chance.choice(FILES)
                )
        return made


@dataclass(frozen=True)
class AnyFacts:
    """Keeps ivr.menus.facts.Facts: a world in which anything may be so, unknown, and otherwise at the next look."""

    chance: Random
    on: OnAir | None = None
    marked: Emergencies = field(default_factory=Emergencies)

    def emergencies(self) -> Emergencies:
        return self.marked

    def broadcast(self) -> OnAir | None:
        return self.on

    def is_caller_on(self, list_name: str) -> bool | None:
        return self.chance.choice((True, False, None))

    def is_open(self, calendar: str) -> bool | None:
        return self.chance.choice((True, False, None))

    def is_public_holiday(self) -> bool | None:
        return self.chance.choice((True, False, None))

    def is_withheld(self) -> bool | None:
        return self.chance.choice((True, False, None))

    def is_repeat_caller(self) -> bool | None:
        return self.chance.choice((True, False, None))

    def callers_waiting(self, queue: str | None) -> int | None:
        return self.chance.choice((0, 30, None))

    def agents_ready(self, queue: str | None) -> int | None:
        return self.chance.choice((0, 30, None))

    def estimated_wait(self, queue: str | None) -> float | None:
        return self.chance.choice((0.0, 1e9, None))

    def value(self, name: str) -> str | None:
        return self.chance.choice(("1", "carrier-a", None))


@dataclass(frozen=True)
class KnownToBeOn(type(NO_FACTS)):  # type: ignore[misc]
    """Nothing else is known."""

    marked: Emergencies = field(default_factory=Emergencies)

    def emergencies(self) -> Emergencies:
        return self.marked


MOST_STEPS_OF_A_NODE = 6 * (2 + 30 + 20 + 2 + 4)
"""Asked six times, each time prompts, thirty digits, twenty too many, the end, and what is read back with three keys too many."""


@settings(max_examples=500, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_every_walk_ends_within_the_stated_bound(seed: int) -> None:
    """Valid by the schema is enough: also a menu that the graph's check refuses ends."""
    chance = Random(seed)
    menus = {name: Written(chance).file() for name in FILES}
    on = chance.choice((None, OnAir("storm", ("a", "b"))))
    queues = chance.sample([None, "heating"], chance.randint(0, 2))
    marked = Emergencies(frozenset(queues), is_number=chance.random() < 0.1)
    known = moments(Walker(menus, "x", KnownToBeOn(on, marked)))
    assert known.is_whole
    stated = longest_walk(known, seconds)
    assert stated < inf
    walker = Walker(menus, "x", AnyFacts(chance, on, marked))
    keys = chance.choices([None, *ALL_KEYS, *"0123456789"], k=chance.randint(0, 400))
    answered, step, took, steps = iter(keys), walker.start(), 0.0, 0
    while is_asking(step):
        took += lasting(step, seconds)
        key = next(answered, None)
        possible = answers(step)
        step = walker.after(
            step, key if key in possible else None if None in possible else chance.choice(possible)
        )
        steps += 1
        assert steps <= LONGEST_WALK * MOST_STEPS_OF_A_NODE
    took += lasting(step, seconds)
    assert not is_asking(step)
    assert step.place.length <= LONGEST_WALK + 1
    assert took <= stated
    for is_hasty in (False, True):
        for is_served in (False, True):
            done = simulate(walker, keys, seconds, is_hasty=is_hasty, is_served=is_served)
            assert done.seconds <= stated


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_from_each_queue_the_walk_goes_on_by_what_stands_on_the_channel(seed: int) -> None:
    """Where he stands is written down there and read again: the same steps follow as if nobody had left the walk."""
    chance = Random(seed)
    menus = {name: Written(chance).file() for name in FILES}
    walker = Walker(menus, "x", NO_FACTS)
    step = walker.start()
    while is_asking(step):
        if isinstance(step, WaitInLine):
            stands = standing(menus, standing_in_words(step), step.place.path)
            assert stands == replace(step, place=replace(step.place, kept=(), owed=Owed.NOTHING))
        step = walker.after(step, chance.choice(answers(step)))


def test_each_node_type_is_walked() -> None:
    kinds = {Written(Random(seed)).like_an_example()["kind"] for seed in range(300)}
    assert kinds == set(NODE_TYPE_OF)
