"""A menu tried out without a phone: the steps of one walk, every path, and the seconds that are stated."""

from dataclasses import replace
from pathlib import Path

import pytest
from support.known_facts import KnownFacts

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.exploration import explore
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import longest_walk, moments, soonest
from ivr.menus.simulation import simulate
from ivr.menus.steps import ToQueue
from ivr.menus.walker import Walker

EXAMPLE = Path(__file__).parents[3] / "config" / "menus" / "examples" / "with_keys.yaml"
LENGTHS = {"greeting": 5.0, "choose_matter": 7.0, "wrong_key": 4.0, "goodbye": 3.0}


def seconds(prompt, _language):
    return LENGTHS.get(prompt, 1.0)


def walker_of(text):
    menu, problems = validated(MenuFile, read("menus/x.yaml", text.encode()))
    assert problems == []
    return Walker({"x": menu}, "x")


@pytest.fixture
def example():
    return walker_of(EXAMPLE.read_text("utf-8"))


def test_each_step_has_its_moment(example):
    done = simulate(example, ["9", None, "3"], seconds)
    assert [(met.began, met.seconds, met.key) for met in done.met] == [
        (0.0, 12.0, None),
        (12.0, 0.0, "9"),
        (12.0, 16.0, None),
        (28.0, 5.0, None),
        (33.0, 0.0, None),
    ]
    assert done.end == ToQueue(done.end.place, None)
    assert done.end.place.path == "x/choose/person"
    assert done.seconds == 33.0
    assert done.keys_left == ("3",)


def test_who_is_hasty_presses_during_the_prompts(example):
    done = simulate(example, ["2"], seconds, is_hasty=True)
    assert (done.seconds, done.end.queue, done.keys_left) == (0.0, "heating", ())
    assert simulate(example, [None, "1"], seconds, is_hasty=True).end.queue == "enterprise"


def test_without_a_key_nothing_is_pressed(example):
    assert simulate(example, [], seconds).seconds == 17.0


def told(walker, **bounds):
    return [
        (path.pressed, "/".join(path.nodes), path.seconds, path.goes_back)
        for path in explore(walker, seconds, **bounds).paths
    ]


def test_every_path_is_told_once_with_its_worst_seconds(example):
    assert told(example) == [
        (("0 or silence",), "choose/person", 17.0, False),
        (("1",), "choose/enterprise", 17.0, False),
        (("2",), "choose/heating", 17.0, False),
        (("3-9 * #", "0 3-9 * # or silence"), "choose/person", 38.0, False),
        (("3-9 * #", "1"), "choose/enterprise", 38.0, False),
        (("3-9 * #", "2"), "choose/heating", 38.0, False),
    ]
    found = explore(example, seconds)
    assert (found.is_whole, found.longest, found.worst_to_a_person) == (True, 38.0, 38.0)


BACK = """
start: choose
nodes:
  choose:
    kind: menu
    prompts: [choose_matter]
    keys: {1: more, 0: person}
    no_key: {then: person}
    wrong_key: {replays: 0, then: person}
  more:
    kind: menu
    prompts: [greeting]
    interruptible: false
    keys: {"*": choose, 0: person}
    no_key: {then: bye}
    wrong_key: {replays: 0, then: person}
  person: {kind: queue}
  bye: {kind: hang_up, prompts: [goodbye]}
"""


def test_a_way_back_is_told_and_not_walked_again():
    walker = walker_of(BACK)
    assert told(walker) == [
        (("0 2-9 * # or silence",), "choose/person", 12.0, False),
        (("1", "silence"), "choose/more/bye", 25.0, False),
        (("1", "0-9 #"), "choose/more/person", 22.0, False),
        (("1", "*"), "choose/more/choose", 22.0, True),
    ]
    found = explore(walker, seconds)
    assert (found.worst_to_a_person, found.may_go_back) == (22.0, True)
    assert explore(walker, seconds, most_paths=3).worst_to_a_person is None, (
        "cut, and by a way back even later"
    )
    # who goes to and fro enters 100 nodes at most, the longest of them 12 s
    assert found.longest == 1200.0


def test_what_is_cut_is_said(example):
    assert explore(example, seconds).is_whole
    cut = explore(example, seconds, most_paths=5)
    assert (len(cut.paths), cut.is_whole) == (5, False)
    assert (cut.worst_to_a_person, cut.may_go_back) == (38.0, False), "told by no path of the first one"
    assert explore(example, seconds, most_paths=1).worst_to_a_person == 38.0
    assert explore(example, seconds, most_paths=6).is_whole
    few = moments(example, most_tried=20)
    assert not few.is_whole
    assert longest_walk(few, seconds) == float("inf")
    assert moments(example).is_whole


def test_a_path_ends_where_every_walk_is_ended():
    nodes = "".join(f"  n{i}: {{kind: say, prompts: [a], next: n{i + 1}}}\n" for i in range(150))
    (path,) = explore(
        walker_of(f"start: n0\nnodes:\n{nodes}  n150: {{kind: queue, queue: far}}\n"), seconds
    ).paths
    assert (path.nodes[-1], path.end.queue, path.seconds) == ("n100", None, 100.0)


def tree(levels, keys):
    """Menus below menus, each with so many keys, wrong keys and silence replayed."""
    rules = "no_key: {replays: 1, then: p}, wrong_key: {replays: 2, prompts: [wrong_key], then: p}"

    def below(name, level):
        if level == 0:
            return f"  {name}: {{kind: queue, category: heating}}\n"
        chosen = ", ".join(f"{key}: {name}_{key}" for key in range(1, keys + 1))
        own = f"  {name}: {{kind: menu, prompts: [choose_matter], keys: {{{chosen}, 0: p}}, {rules}}}\n"
        return own + "".join(below(f"{name}_{key}", level - 1) for key in range(1, keys + 1))

    return walker_of(f"start: m\nnodes:\n{below('m', levels)}  p: {{kind: queue}}\n")


def test_how_late_a_person_is_reached_does_not_hang_on_the_paths_that_are_listed():
    found = explore(tree(3, 4), lambda *_: 3.0)
    assert (len(found.paths), found.is_whole) == (1000, False)
    # three levels, each heard four times and twice after a wrong key: 4 × (3 + 5) + 2 × 3
    assert (found.worst_to_a_person, found.longest, found.may_go_back) == (114.0, 114.0, False)


def test_who_is_told_goodbye_does_not_count_as_one_who_reaches_a_person():
    walker = walker_of(BACK.replace('"*": choose, ', ""))
    found = explore(walker, seconds)
    assert (found.worst_to_a_person, found.longest, found.may_go_back) == (22.0, 25.0, False)
    nobody = walker_of("start: bye\nnodes:\n  bye: {kind: hang_up, prompts: [goodbye]}\n")
    assert explore(nobody, seconds).worst_to_a_person is None


def test_paths_beyond_counting_are_cut_soon():
    choice = "{kind: menu, prompts: [a], keys: {%s}, no_key: {then: q}, wrong_key: {replays: 5, then: q}}"
    nodes = ""
    for i in range(200):
        keys = ", ".join(f"{key}: n{(i * 7 + key * 13) % 200}" for key in range(1, 9))
        nodes += f"  n{i}: {choice % keys}\n"
    found = explore(walker_of(f"start: n0\nnodes:\n{nodes}  q: {{kind: queue}}\n"), seconds)
    assert (len(found.paths), found.is_whole) == (1000, False)
    assert found.worst_to_a_person is None, "by these keys one may go round and round"


def test_how_soon_a_person_can_be_reached():
    walker = walker_of(BACK)
    known = moments(walker)
    soon = soonest(known, seconds)
    assert soon[known.first].seconds == 7.0
    by_node = {step.place.node: soon[step].seconds for step, _ in known.entries() if step in soon}
    assert by_node == {"choose": 7.0, "more": 5.0, "person": 0.0}


FORKED = """
start: hours
nodes:
  hours:
    kind: branch
    cases:
      - when: {hours: office}
        then: long
      - when: {waiting: {at_least: 5}}
        then: bye
    else: person
  long: {kind: say, prompts: [greeting, choose_matter], next: person}
  person: {kind: queue}
  bye: {kind: hang_up, prompts: [goodbye]}
"""


def test_every_way_of_a_branch_is_told_and_counts_in_the_bound():
    assert told(walker_of(FORKED)) == [
        (("hours: hours: office",), "hours/long/person", 12.0, False),
        (("hours: waiting: {at_least: 5}",), "hours/bye", 3.0, False),
        (("hours: else",), "hours/person", 0.0, False),
    ]
    assert explore(walker_of(FORKED), seconds).longest == 12.0


@pytest.mark.parametrize(
    ("facts", "nodes"),
    [
        (KnownFacts(open=["office"]), ["hours/long/person"]),
        (KnownFacts(open=[]), ["hours/bye", "hours/person"]),
        (KnownFacts(open=[], waiting={None: 4}), ["hours/person"]),
        (KnownFacts(waiting={None: 5}), ["hours/long/person", "hours/bye"]),
    ],
)
def test_what_is_supposed_closes_ways_of_a_branch(facts, nodes):
    walker = replace(walker_of(FORKED), facts=facts)
    assert [path for _, path, _, _ in told(walker)] == nodes


TYPED = """
start: number
nodes:
  number:
    kind: collect
    prompts: [greeting]
    length: {at_least: 2, at_most: 2}
    keep: HOTLINE_INPUT_IT
    read_back: {digits: [d0, d1, d2, d3, d4, d5, d6, d7, d8, d9], after: [goodbye]}
    then: whose
    failed: {replays: 0, then: person}
  whose:
    kind: branch
    cases: [{when: {value: {name: HOTLINE_INPUT_IT, one_of: ["77"]}}, then: ours}]
    else: person
  ours: {kind: queue, queue: ours}
  person: {kind: queue}
"""


def test_digits_are_tried_one_for_all_and_timed_by_the_longest():
    lengths = {"greeting": 5.0, "goodbye": 3.0, "d4": 9.0}

    def long_four(prompt, _language):
        return lengths.get(prompt, 1.0)

    walker = walker_of(TYPED)
    known = moments(walker)
    assert known.is_whole
    assert len(known.ways) < 12
    # prompt, two waits of 5 s, 44 read back, and 5 s to say that it is right
    assert longest_walk(known, long_four) == 5 + 2 * 5 + 2 * 9 + 3 + 5
    slow = simulate(walker, ["4", "4", "1"], long_four)
    assert slow.end.place.nodes_walked == ("number", "whose", "person")
    ends = {path.end.queue for path in explore(walker, long_four).paths}
    assert ends == {"ours", None}, "a branch by what was typed may go any way"


def test_a_key_carried_through_a_branch_is_not_taken_for_another():
    """Pressed in the greeting it counts in the menu behind the branch; who presses nothing hears that menu out."""
    walker = walker_of("""
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], interruptible: true, next: hours}
  hours: {kind: branch, cases: [{when: {holiday: true}, then: choose}], else: person}
  choose: {kind: menu, prompts: [choose_matter], keys: {0: person}, no_key: {then: person}, wrong_key: {replays: 0, then: person}}
  person: {kind: queue}
""")
    assert longest_walk(moments(walker), seconds) == 5.0 + 7.0 + 5.0
    holiday = replace(walker, facts=KnownFacts(holiday=True))
    assert simulate(holiday, [], seconds).seconds == 17.0
    assert max(path.seconds for path in explore(walker, seconds).paths) == 17.0
