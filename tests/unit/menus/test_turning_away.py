"""A blocklist cuts nobody off: he comes to a person or a key to one, and no way to an emergency is taken from him."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from time import monotonic
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support.known_facts import KnownFacts

from hotline import defaults_door
from ivr.config_files.checker import check
from ivr.lines import Lines
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import bare
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import ALL_KEYS, NOT_SERVED, EndCall, Step, ToQueue, WaitInLine
from ivr.menus.turning_away import faults_of_blocklists, was_turned_away
from ivr.menus.walker import answers, is_asking

PERSON = {"kind": "queue"}
FIRE = {"kind": "queue", "queue": "fire"}
BYE = {"kind": "hang_up"}


@pytest.fixture(scope="module", name="shipped")
def shipped_lines() -> Lines:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found.lines


def site(shipped: Lines, menu: str = "main", **first_number: Any) -> Lines:
    """One number, the queue `fire` for emergencies beside the shipped ones."""
    fire = shipped.queues[0].model_copy(update={"name": "fire", "is_emergency": True})
    number = shipped.numbers[0].model_copy(update={"menu": menu, **first_number})
    return shipped.model_copy(update={"numbers": [number], "queues": [*shipped.queues, fire]})


def say(following: str) -> dict[str, Any]:
    return {"kind": "say", "prompts": ["x"], "next": following}


def keys(no_key: str, wrong_key: str, **keyed: str) -> dict[str, Any]:
    return {
        "kind": "menu",
        "prompts": ["x"],
        "keys": {name.removeprefix("k"): node for name, node in keyed.items()},
        "no_key": {"then": no_key},
        "wrong_key": {"replays": 0, "then": wrong_key},
    }


def branch(otherwise: str, *cases: tuple[str, str]) -> dict[str, Any]:
    """Each case: a list if it is `block` or `firms`, else a calendar; and where it leads."""
    written = [
        {"when": {"caller_on" if asked in ("block", "firms") else "hours": asked}, "then": then}
        for asked, then in cases
    ]
    return {"kind": "branch", "cases": written, "else": otherwise}


def file(nodes: Mapping[str, Any], first: str = "a") -> MenuFile:
    return MenuFile.model_validate({"start": first, "nodes": nodes})


def faults(lines: Lines, **menus: Mapping[str, Any]) -> list[str]:
    made = {name: file(nodes) for name, nodes in menus.items()}
    return [
        f"{name}/{fault.path[1]} {fault.fault}"
        for name, fault in faults_of_blocklists(made, lines, {"block"})
    ]


@pytest.mark.parametrize(
    "nodes",
    [
        {"then": PERSON},
        {"then": say("person")},
        {"then": keys("bye", "bye", k0="person")},
        {"then": say("more"), "more": keys("then", "bye", k0="again"), "again": keys("bye", "bye", k5="person")},
        {"then": branch("person", ("office", "menu")), "menu": keys("bye", "person", k1="bye", k0="person")},
        {"then": {"kind": "language", "language": "en", "next": "person"}},
        {"then": {"kind": "goto", "menu": "no_such"}},  # told elsewhere
    ],
)  # fmt: skip
def test_who_is_turned_away_comes_to_a_person_or_to_a_key_to_one(
    shipped: Lines, nodes: dict[str, Any]
) -> None:
    common = {"a": branch("person", ("block", "then")), "person": PERSON, "bye": BYE}
    assert faults(site(shipped), main=common | nodes) == []


@pytest.mark.parametrize(
    ("nodes", "way"),
    [
        ({"then": BYE}, "then"),
        ({"then": say("bye")}, "then → bye"),
        ({"then": keys("person", "bye", k1="bye")}, "then → bye"),  # his key ends the call
        ({"then": branch("person", ("office", "bye"))}, "then → bye"),
        ({"then": branch("bye", ("office", "person"))}, "then → bye"),
        ({"then": keys("bye", "bye", k0="maybe"), "maybe": branch("bye", ("office", "person"))}, "then → bye"),
        ({"then": say("a_second"), "a_second": branch("person", ("block", "bye"))}, "then → a_second → bye"),
    ],
)  # fmt: skip
def test_who_is_turned_away_is_not_hung_up_on(shipped: Lines, nodes: dict[str, Any], way: str) -> None:
    common = {"a": branch("person", ("block", "then")), "person": PERSON, "bye": BYE}
    told = faults(site(shipped), main=common | nodes)[0]
    assert told == f"main/a who is turned away may be hung up on before any key to a person: {way}"


def test_who_is_on_no_blocklist_may_be_led_anywhere(shipped: Lines) -> None:
    nodes = {"a": branch("b", ("firms", "bye")), "b": branch("person", ("office", "bye")), "person": PERSON}
    assert faults(site(shipped), main={**nodes, "bye": BYE}) == []


ON_THE_WAY = 'main/a stands on the way to the queue "fire", which is for emergencies'
NO_MORE = 'main/a who is turned away can no more come to the queue "fire", which is for emergencies'


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ({"other": FIRE, "then": PERSON}, [ON_THE_WAY]),
        ({"other": say("fire"), "then": keys("person", "person", k9="fire")}, [ON_THE_WAY]),
        ({"other": keys("fire", "person", k0="person"), "then": keys("person", "person", k9="fire")}, [ON_THE_WAY]),
        ({"other": branch("person", ("office", "fire")), "then": PERSON}, [ON_THE_WAY]),
        ({"other": keys("person", "person", k9="fire"), "then": PERSON}, [NO_MORE]),
        ({"other": keys("person", "person", k9="fire"), "then": branch("person", ("office", "other"))}, [NO_MORE]),
        ({"other": keys("person", "person", k9="fire"), "then": say("other")}, []),
        ({"other": keys("person", "person", k9="fire"), "then": branch("fire", ("office", "other"))}, []),
        ({"other": FIRE, "then": say("fire")}, []),
        ({"other": PERSON, "then": PERSON}, []),
        ({"other": FIRE, "then": {**PERSON, "longest_wait": 60, "then": "fire"}}, [ON_THE_WAY]),
        ({"other": {**PERSON, "longest_wait": 60, "then": "fire"}, "then": PERSON}, [ON_THE_WAY]),
        ({"other": {**PERSON, "longest_wait": 60, "then": "person"}, "then": PERSON}, []),
        ({"other": {"kind": "goto", "menu": "far"}, "then": PERSON}, [ON_THE_WAY]),
        ({"other": PERSON, "then": {"kind": "goto", "menu": "far"}}, []),
    ],
)  # fmt: skip
def test_no_way_to_an_emergency_is_taken(shipped: Lines, nodes: dict[str, Any], told: list[str]) -> None:
    common = {"a": branch("other", ("block", "then")), "person": PERSON, "fire": FIRE}
    assert faults(site(shipped), main=common | nodes, far={"a": say("fire"), "fire": FIRE}) == told


def test_the_default_queue_of_a_number_may_be_for_emergencies(shipped: Lines) -> None:
    nodes = {
        "a": branch("person", ("block", "then")),
        "then": {**PERSON, "queue": "general"},
        "person": PERSON,
    }
    assert faults(site(shipped), main=nodes) == []
    told = "main/a stands on the way to the number's default queue, which is for emergencies"
    assert faults(site(shipped, queue="fire"), main=nodes) == [told]
    assert faults(site(shipped, "other", queue="fire"), main=nodes, other={"a": PERSON}) == []


def test_a_transfer_to_the_police_is_for_emergencies_too(shipped: Lines) -> None:
    ways = {"no_answer": {"prompts": ["bye"]}, "failed": {"prompts": ["bye"]}}
    police = {"kind": "transfer", "to": "police", **ways}
    nodes = {"a": branch("other", ("block", "person")), "other": keys("person", "person", k9="police")}
    told = 'main/a who is turned away can no more come to the transfer "police", which is for emergencies'
    assert faults(site(shipped), main={**nodes, "person": PERSON, "police": police}) == [told]


def test_an_emergency_number_meets_no_blocklist_at_all(shipped: Lines) -> None:
    nodes = {"a": branch("person", ("block", "person")), "person": PERSON}
    entry = {"a": {"kind": "goto", "menu": "main"}}
    assert faults(site(shipped, "entry"), main=nodes, entry=entry) == []
    told = "main/a the emergency number 12345 leads here, where nobody may be turned away"
    assert faults(site(shipped, "entry", is_emergency=True), main=nodes, entry=entry) == [told]
    assert faults(site(shipped, "own", is_emergency=True), main=nodes, own={"a": PERSON}) == []


@pytest.mark.parametrize(
    ("path", "is_so"),
    [
        ("examples/main/a/then", True),
        ("examples/main/a/then/person", True),
        ("x/a//examples/main/say/a/then//tax/a", True),
        ("examples/main/a/person", False),
        ("examples/main/a/both", False),  # others are led there too
        ("examples/main/a", False),
        ("examples/main/then", False),
        ("examples/main/gone/then", False),  # of a version that had other nodes
        ("examples/mainly/a/then", False),
        ("examples/main", False),
        ("", False),
    ],
)
def test_a_path_tells_who_was_turned_away(path: str, is_so: bool) -> None:
    nodes = {"a": branch("person", ("block", "then"), ("block", "both"), ("firms", "both")), "person": PERSON}
    menus = {"examples/main": file(nodes), "x": file({"a": PERSON})}
    assert was_turned_away(path, menus, {"block"}) is is_so
    assert was_turned_away(path, menus, set()) is False


# --- what is let through is safe: walked on the phone's own navigation, whatever the world is ---

NODES = ("a", "b", "c", "d", "e")
node_names = st.sampled_from((*NODES, "person", "fire", "bye"))
asked = st.sampled_from(("block", "block", "firms", "office", "late"))
any_node = st.one_of(
    st.builds(lambda then: {"kind": "queue", "longest_wait": 60, "then": then}, node_names),
    st.builds(say, node_names),
    st.builds(lambda no, wrong, one: keys(no, wrong, k1=one), node_names, node_names, node_names),
    st.builds(
        lambda no, wrong, one, two: keys(no, wrong, k1=one, k2=two),
        *([node_names] * 4),
    ),
    st.builds(lambda rest, one: branch(rest, one), node_names, st.tuples(asked, node_names)),
    st.builds(
        lambda rest, one, two: branch(rest, one, two),
        node_names,
        st.tuples(asked, node_names),
        st.tuples(asked, node_names),
    ),
)
any_menu = st.fixed_dictionaries({name: any_node for name in NODES[1:]})
first_branch = st.builds(
    lambda rest, then: branch(rest, ("block", then)), st.sampled_from(NODES[1:]), st.sampled_from(NODES[1:])
)


def worlds() -> Iterator[tuple[KnownFacts, KnownFacts]]:
    """Everything that the other conditions may turn out to be: of a caller on no blocklist, and of one on it."""
    for office, late, firms in product((True, False), repeat=3):
        is_open = [name for name, is_so in (("office", office), ("late", late)) if is_so]
        lists = ["firms"] if firms else []
        yield KnownFacts(open=is_open, lists=lists), KnownFacts(open=is_open, lists=[*lists, "block"])


@dataclass(frozen=True)
class Calls:
    """What callers of one world may meet in a menu, found by pressing every key at every moment."""

    menus: Mapping[str, MenuFile]
    facts: KnownFacts

    def first(self) -> Step:
        return bare(start(self.menus, "main", self.facts))

    def after(self, step: Step, keys: Collection[str | None]) -> set[Step]:
        if not is_asking(step):
            return set()
        given = [key for key in answers(step) if key in keys or key == NOT_SERVED]
        return {bare(next_step(self.menus, step, key, self.facts)) for key in given}

    def met(self, first: Step, keys: Collection[str | None], stops: Collection[Step] = ()) -> set[Step]:
        found: set[Step] = set()
        ahead = [first]
        while ahead:
            step = ahead.pop()
            if step not in found:
                found.add(step)
                ahead += self.after(step, keys) if step not in stops else ()
        return found

    def comes_to_fire(self, keys: Collection[str | None]) -> bool:
        return any(
            isinstance(step, ToQueue) and step.queue == "fire" for step in self.met(self.first(), keys)
        )

    def offers_a_person(self, step: Step) -> bool:
        """A key that its menu knows leads to a person."""
        known = getattr(self.menus["main"].nodes[step.place.node], "keys", {})
        return any(
            isinstance(later, ToQueue)
            for after_key in self.after(step, known)
            for later in self.met(after_key, EVERY_ANSWER)
        )


EVERY_ANSWER = (None, *ALL_KEYS)


@settings(deadline=None, max_examples=60)
@given(first=first_branch, others=any_menu)
def test_what_is_let_through_is_safe_in_every_world(
    shipped: Lines, first: dict[str, Any], others: dict[str, Any]
) -> None:
    nodes = {"a": first, **others, "person": PERSON, "fire": FIRE, "bye": BYE}
    assume(not any(told.startswith("main/a ") for told in faults(site(shipped), main=nodes)))
    menus = {"main": file(nodes)}
    for free, blocked in worlds():
        lawful, turned_away = Calls(menus, free), Calls(menus, blocked)
        for keys_pressed in ([None], EVERY_ANSWER):
            assert turned_away.comes_to_fire(keys_pressed) or not lawful.comes_to_fire(keys_pressed)
        everything = turned_away.met(turned_away.first(), EVERY_ANSWER)
        offers = {step for step in everything if turned_away.offers_a_person(step)}
        stood = {step for step in everything if isinstance(step, WaitInLine)}
        met = turned_away.met(turned_away.first(), EVERY_ANSWER, offers | stood)
        assert not any(isinstance(step, EndCall) for step in met)


def test_a_large_menu_is_judged_in_no_time(shipped: Lines) -> None:
    """A file has at most a thousand nodes, a branch twenty cases."""
    cases = [("block", f"n{n}") for n in range(20)]
    nodes = {f"n{n}": branch(f"n{n + 1}", *cases) for n in range(998)}
    menus = {"main": file({"a": branch("n0", ("block", "n500")), **nodes, "n998": FIRE})}
    began = monotonic()
    told = list(faults_of_blocklists(menus, site(shipped), {"block"}))
    assert monotonic() - began < 20  # a tenth of it on an idle machine
    assert told
