"""Where in a menu an emergency message is heard, and that it keeps nobody from what he wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.known_facts import KnownFacts

from ivr.config_files.reader import read
from ivr.config_files.schema_words import validated
from ivr.menus.facts import Emergencies, OnAir
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import moments
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import ALL_KEYS, EndCall, Play, ToQueue, WaitKey
from ivr.menus.walker import Walker

STORM = KnownFacts(on_air=OnAir("storm", ("storm_known", "storm_to_do")))
SAID = ["storm_known", "storm_to_do"]

STRAIGHT = """
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], next: person}
  person: {kind: queue}
"""
KEYS = """
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], interruptible: true, next: choose}
  choose:
    kind: menu
    prompts: [choose]
    keys: {1: enterprise, 8: in_english, 0: person}
    no_key: {then: person}
    wrong_key: {replays: 1, then: person}
  in_english: {kind: language, language: en, next: person}
  enterprise: {kind: queue, queue: enterprise}
  person: {kind: queue}
"""
PLACED = """
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], interruptible: true, next: choose}
  choose:
    kind: menu
    prompts: [choose]
    keys: {1: news, 2: choose, 0: person}
    no_key: {then: news}
    wrong_key: {replays: 0, then: person}
  news: {kind: broadcast, next: enterprise}
  enterprise: {kind: menu, prompts: [more], keys: {1: news, 0: person}, no_key: {then: person}, wrong_key: {then: person}}
  person: {kind: queue}
"""
SILENT = """
start: hours
nodes:
  hours: {kind: branch, cases: [{when: {holiday: true}, then: person}], else: person}
  person: {kind: queue, queue: heating}
"""
HANG_UP_ONLY = """
start: greeting
nodes:
  greeting: {kind: menu, prompts: [greeting], keys: {0: person}, no_key: {then: bye}, wrong_key: {then: person}}
  bye: {kind: hang_up, prompts: [goodbye]}
  person: {kind: queue}
"""


def menu_of(text):
    menu, problems = validated(MenuFile, read("menus/x.yaml", text.encode()))
    assert problems == []
    return {"x": menu}


def walk(text, *answers, facts=STORM, menus=None):
    """What is heard in order, and the last step; each of `answers` goes to one step that listens."""
    menus = menus or menu_of(text)
    step, heard, left = start(menus, "x", facts), [], list(answers)
    while isinstance(step, Play | WaitKey):
        listens = isinstance(step, WaitKey) or step.keys != ""
        heard += step.prompts if isinstance(step, Play) else []
        step = next_step(menus, step, left.pop(0) if listens and left else None, facts)
    assert left == []
    return heard, step


def test_without_a_broadcast_every_menu_is_as_it_was():
    for text in (STRAIGHT, KEYS, PLACED, SILENT):
        heard, end = walk(text, facts=KnownFacts())
        assert not set(SAID) & set(heard)
        assert isinstance(end, ToQueue)
        assert end.place.digits == ""


def test_a_menu_without_a_place_says_it_behind_what_it_says_first():
    heard, end = walk(STRAIGHT)
    assert heard == ["greeting", *SAID], "the notice that the call is recorded comes first"
    assert (end.place.path, end.queue) == ("x/greeting/person", None)


def test_it_is_heard_once_and_then_the_menu_goes_on():
    heard, end = walk(KEYS, None, None, "7", "1")
    assert heard == ["greeting", *SAID, "choose", "choose"]
    assert end.queue == "enterprise"


def test_a_key_ends_it_and_counts_in_the_menu_that_follows():
    menus = menu_of(KEYS)
    greeting = start(menus, "x", STORM)
    message = next_step(menus, greeting, None, STORM)
    assert message.keys == ALL_KEYS
    end = next_step(menus, message, "1", STORM)
    assert (end.queue, end.place.digits) == ("enterprise", "")


BEFORE_A_PLACE = """
start: greeting
nodes:
  greeting: {kind: say, prompts: [greeting], interruptible: true, next: news}
  news: {kind: broadcast, next: choose}
  choose:
    kind: menu
    prompts: [choose]
    keys: {1: enterprise, 0: person}
    no_key: {then: person}
    wrong_key: {replays: 0, then: bye}
  bye: {kind: hang_up}
  enterprise: {kind: queue, queue: enterprise}
  person: {kind: queue}
"""


def test_who_tries_every_key_takes_none_that_is_kept_through_it_for_another():
    walker = Walker(menu_of(BEFORE_A_PLACE), "x", STORM)
    silent = [
        way.to.place.node
        for step, ways in moments(walker).ways.items()
        for way in ways
        if step.place.node == "news" and None in way.answers
    ]
    assert set(silent) == {"bye", "choose", "enterprise", "person"}


def test_a_key_pressed_before_it_has_chosen_already():
    heard, end = walk(KEYS, "1")
    assert heard == ["greeting", *SAID]
    assert end.queue == "enterprise"
    _, end = walk(KEYS, "1", "0")
    assert end.queue == "enterprise", "the second key only ended the message"


def test_who_chose_a_language_hears_it_in_that():
    text = KEYS.replace("start: greeting", "start: choose")
    menus = menu_of(text)
    choose = start(menus, "x", STORM)
    message = next_step(menus, choose, "8", STORM)
    assert (message.prompts, message.place.language) == (tuple(SAID), "en")
    assert isinstance(next_step(menus, message, None, STORM), ToQueue)


def test_where_the_menu_has_a_place_it_is_heard_there_and_once():
    heard, _ = walk(PLACED, None, "1", None, "1", "0")
    assert heard == ["greeting", "choose", *SAID, "more", "more"]


def test_whose_way_does_not_come_by_that_place_hears_it_before_a_person():
    heard, end = walk(PLACED, None, "0")
    assert heard == ["greeting", "choose", *SAID]
    assert isinstance(end, ToQueue)


def test_a_key_at_its_place_counts_behind_it():
    _, end = walk(PLACED, None, "1", "0")
    assert end.place.path == "x/greeting/choose/news/enterprise/person"
    placed_first = PLACED.replace("next: choose", "next: news").replace("next: enterprise", "next: choose")
    heard, end = walk(placed_first, "0")
    assert heard == ["greeting", *SAID], "pressed in the greeting"
    assert end.place.path == "x/greeting/news/choose/person"


def test_a_menu_that_says_nothing_says_it_before_the_queue():
    heard, end = walk(SILENT)
    assert heard == SAID
    assert end.queue == "heating"


def test_it_is_heard_before_the_menu_ends_the_call_too():
    heard, end = walk(HANG_UP_ONLY)
    assert heard == ["greeting", *SAID]
    assert isinstance(end, EndCall)


def test_a_place_in_another_file_counts():
    menus = menu_of("start: on\nnodes:\n  on: {kind: goto, menu: y}\n") | {
        "y": menu_of(PLACED)["x"],
    }
    heard, _ = walk("", None, "1", None, "0", menus=menus)
    assert heard == ["greeting", "choose", *SAID, "more"]


FIRE = KnownFacts(on_air=STORM.on_air, marked=Emergencies(frozenset({"fire"})))
URGENT_KEY = KEYS.replace("8: in_english", "9: fire") + "  fire: {kind: queue, queue: fire}\n"
URGENT_PLACE = (
    PLACED.replace("0: person", "0: person, 9: hurry", 1)
    + """
  hurry: {kind: broadcast, next: connecting}
  connecting: {kind: say, prompts: [connecting], next: fire}
  fire: {kind: queue, queue: fire}
"""
)


def test_a_key_to_an_emergency_queue_leads_there_at_once():
    start_at_the_key = URGENT_KEY.replace("start: greeting", "start: choose")
    assert walk(start_at_the_key, "9", facts=FIRE)[0] == ["choose"]
    assert walk(start_at_the_key, "9")[0] == ["choose", *SAID], "not marked, so it may be held up"
    assert walk(URGENT_PLACE, None, "9", facts=FIRE)[0] == ["greeting", "choose", "connecting"]
    assert walk(URGENT_PLACE, None, "9")[0] == ["greeting", "choose", *SAID, "connecting"]
    assert walk(URGENT_PLACE, None, "0", facts=FIRE)[0] == ["greeting", "choose", *SAID]


def test_who_may_still_choose_hears_it_before_he_does():
    """Nobody knows yet where he goes, and any key ends it."""
    assert walk(URGENT_KEY, None, None, "9", facts=FIRE)[0] == ["greeting", *SAID, "choose"]
    heard, end = walk(URGENT_KEY, None, "9", facts=FIRE)
    assert (heard, end.queue) == (["greeting", *SAID], "fire")


def test_words_on_the_way_to_an_emergency_do_not_let_it_in():
    text = STRAIGHT.replace("next: person", "next: more").replace("queue}", "queue, queue: fire}")
    text += "  more: {kind: say, prompts: [more], next: person}\n"
    assert walk(text, facts=FIRE)[0] == ["greeting", "more"]
    assert walk(text)[0] == ["greeting", *SAID, "more"]
    over_there = menu_of(
        "start: on\nnodes:\n  on: {kind: say, prompts: [first], next: go}\n  go: {kind: goto, menu: y}\n"
    )
    assert walk("", facts=FIRE, menus=over_there | {"y": menu_of(text)["x"]})[0] == [
        "first",
        "greeting",
        "more",
    ]


def test_the_default_queue_may_be_for_emergencies_too():
    by_default = KnownFacts(on_air=STORM.on_air, marked=Emergencies(frozenset({"fire", None})))
    assert walk(STRAIGHT, facts=by_default)[0] == ["greeting"]
    assert walk(KEYS, None, None, "1", facts=by_default)[0] == ["greeting", *SAID, "choose"]


def test_callers_of_an_emergency_number_hear_none():
    urgent = KnownFacts(on_air=STORM.on_air, marked=Emergencies(is_number=True))
    for text in (STRAIGHT, KEYS, PLACED, SILENT, HANG_UP_ONLY):
        assert walk(text, facts=urgent) == walk(text, facts=KnownFacts())


@pytest.mark.parametrize("text", [STRAIGHT, KEYS, PLACED, SILENT, HANG_UP_ONLY, URGENT_KEY, URGENT_PLACE])
@given(keys=st.lists(st.sampled_from([None, *ALL_KEYS]), max_size=40))
def test_it_never_changes_where_a_caller_ends(text, keys):
    """With the same keys at the same nodes: the message asks nothing and leads nowhere."""
    menus = menu_of(text)

    def end(facts):
        step, left, heard = start(menus, "x", facts), list(keys), 0
        while isinstance(step, Play | WaitKey):
            is_message = isinstance(step, Play) and step.prompts == tuple(SAID)
            heard += is_message
            listens = not is_message and (isinstance(step, WaitKey) or step.keys != "")
            step = next_step(menus, step, left.pop(0) if listens and left else None, facts)
        assert heard <= 1
        return step.place.path, getattr(step, "queue", ""), heard

    assert end(KnownFacts())[:2] == end(STORM)[:2] == end(FIRE)[:2]
    assert end(FIRE)[2] == 1 or end(FIRE)[1] == "fire"
    assert end(STORM)[2] == 1, "nobody leaves the menu without having heard it begin"
