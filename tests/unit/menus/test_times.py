"""What the checker says of the seconds that a menu costs, at its bounds; the words are in tests/bad_config."""

from ivr.config_files.reader import read
from ivr.config_files.references import languages_in_use
from ivr.menus.menu_file import MenuFile
from ivr.menus.times import faults_in_time
from ivr.menus.walker import Walker


def told(lengths, start, **nodes):
    walker = Walker({"x": MenuFile.model_validate({"start": start, "nodes": nodes})}, "x")
    found = faults_in_time(walker, lambda prompt, _: lengths.get(prompt, 0.0))
    assert all(fault.severity == "warning" for fault in found)
    return [(fault.path[-1], fault.fault) for fault in found]


def say(following, *, interruptible=False):
    return {"kind": "say", "prompts": ["a"], "interruptible": interruptible, "next": following}


def choose(keys, silent="q", wait=5):
    rules = {"no_key": {"then": silent}, "wrong_key": {"then": silent}}
    return {"kind": "menu", "prompts": ["b"], "wait_seconds": wait, "keys": keys, **rules}


QUEUE = {"kind": "queue"}
HANG_UP = {"kind": "hang_up"}


def test_fifteen_seconds_to_a_person_are_not_warned_of_and_more_are():
    nodes = {"m": choose({"0": "q"}), "q": QUEUE}
    assert told({"b": 15.0}, "m", **nodes) == []
    (one,) = told({"b": 15.6}, "m", **nodes)
    assert one == ("m", "from here a person is reached after 16 s at the soonest: m 16 s → key 0 → q")


def test_waiting_counts_where_no_key_helps():
    nodes = {"m": choose({"1": "n"}, wait=6), "n": choose({"0": "q"}), "q": QUEUE}
    assert told({"b": 10.0}, "m", **nodes) == [
        ("m", "from here a person is reached after 16 s at the soonest: m 16 s → q")
    ]
    # a key that leads there sooner is what counts
    assert told({"b": 7.0}, "m", **nodes) == []


def test_the_place_that_is_farthest_from_a_person_is_told():
    far = {"m": choose({"1": "s", "0": "q"}), "s": say("t"), "t": say("q"), "q": QUEUE}
    assert told({"a": 9.0, "b": 5.0}, "m", **far) == [
        ("s", "from here a person is reached after 18 s at the soonest: s 9 s → t 9 s → q")
    ]


def test_a_greeting_may_last_ten_seconds_unless_a_key_ends_it():
    nodes = {"m": choose({"0": "q"}), "q": QUEUE}
    assert told({"a": 10.0}, "s", s=say("m"), **nodes) == []
    words = "for the first 11 s of the call nothing can be pressed and nobody is reached"
    assert told({"a": 11.0}, "s", s=say("m"), **nodes) == [("s", words)]
    assert told({"a": 5.5}, "r", r=say("s"), s=say("m"), **nodes) == [("s", words)]
    assert told({"a": 11.0}, "s", s=say("m", interruptible=True), **nodes) == []


def test_a_list_of_keys_may_last_twenty_seconds():
    nodes = {"s": say("q"), "m": choose({"1": "s"}, silent="q"), "q": QUEUE}
    faults = [fault for _, fault in told({"b": 21.0}, "m", **nodes)]
    assert "the prompts here last 21 s in one go" in faults
    assert not any("in one go" in fault for _, fault in told({"b": 20.0}, "m", **nodes))
    assert any(
        "last 21 s in one go" in fault for _, fault in told({"b": 20.3}, "m", **nodes)
    )  # never 20 s, "keep to 20"


def test_a_time_limit_may_be_three_to_ten_seconds():
    for wait, is_well in ((1, False), (2, False), (3, True), (10, True), (11, False), (30, False)):
        found = told({}, "m", m=choose({"0": "q"}, wait=wait), q=QUEUE)
        assert [path for path, _ in found] == ([] if is_well else ["wait_seconds"]), wait


def test_who_is_asked_for_a_key_can_come_to_a_person():
    nodes = {"m": choose({"1": "n", "0": "q"}), "q": QUEUE, "bye": HANG_UP}
    assert told({}, "m", n=choose({"1": "bye"}, silent="bye"), **nodes) == [
        ("n", "from here no key and no waiting leads to a person")
    ]
    assert told({}, "m", n=choose({"1": "bye"}, silent="m"), **nodes) == []
    # nothing is asked for where an announcement ends the call
    assert told({}, "m", n=say("bye"), **nodes) == []


def test_a_node_behind_the_longest_walk_is_told():
    nodes = {f"n{i}": say(f"n{i + 1}", interruptible=True) for i in range(100)}
    assert told({}, "n0", **nodes, n100=QUEUE) == [
        ("n100", "lies more than 100 nodes from the start, where every walk is ended")
    ]
    assert told({}, "n1", **nodes, n100=QUEUE) == []


def test_a_node_behind_the_last_line_is_told():
    chain = {f"q{n}": {**QUEUE, "longest_wait": 30, "then": f"q{n + 1}"} for n in range(18)}
    words = "lies behind more than 15 queues, and nobody is led on from so many"
    assert told({}, "q0", **chain, q18=QUEUE) == [("q16", words)]
    assert told({}, "q3", **chain, q18=QUEUE) == []
    # a key that leads there sooner is what counts
    assert told({}, "m", m=choose({"1": "q16", "0": "q0"}, silent="q0"), **chain, q18=QUEUE) == []


def test_a_thousand_nodes_are_timed_whole():
    keys = "123456789"
    nodes = {}
    for i in range(999):
        nodes[f"n{i}"] = choose({key: f"n{(i * 7 + int(key) * 13) % 999}" for key in keys} | {"0": "q"})
    assert not any("too large" in fault for _, fault in told({"b": 5.0}, "n0", **nodes, q=QUEUE))


def test_a_menu_beyond_all_bounds_is_said_to_be_so():
    nodes = {}
    for i in range(999):
        node = choose({key: f"n{(i * 7 + int(key) * 13) % 999}" for key in "123456789"})
        node["no_key"]["replays"] = node["wrong_key"]["replays"] = 5
        nodes[f"n{i}"] = node
    walker = Walker({"x": MenuFile.model_validate({"start": "n0", "nodes": nodes | {"q": QUEUE}})}, "x")
    last = faults_in_time(walker, lambda *_: 0.0)[-1]
    assert last.fault == "the menu is too large to time every way through it"
    assert last.remedy == "Split it, or give its menus fewer keys."


def documents(**files):
    names = {"hotline": "hotline.yaml", "prompts": "prompts.yaml", "menu": "menus/main.yaml"}
    return {names[key]: read(names[key], text.encode()) for key, text in files.items()}


def test_the_languages_in_use_are_the_sites_own_and_those_that_menus_change_to():
    menu = "nodes:\n  l: {kind: language, language: en}\n  s: {kind: say, prompts: [greeting], next: l}\n"
    assert languages_in_use(documents(hotline="site: {language: zh}", menu=menu)) == ("zh", "en")


def test_without_a_change_of_language_the_sites_own_is_enough():
    assert languages_in_use(documents(hotline="site: {language: en}", menu="nodes: {}")) == ("en",)
    assert languages_in_use({}) == ("zh",)
    odd = "nodes: {l: {kind: language, language: fr}, m: {kind: say, language: en}}"
    assert languages_in_use(documents(menu=odd)) == ("zh",)
