"""What a menu costs a caller who wants a person: too long a way, greetings and lists of keys that go on, no time to press.

Pure, and all of it warnings: the menu works. Walks by the code that walks it in a call.
"""

from collections.abc import Iterator
from math import ceil
from typing import Final

from ivr.menus.graph import MenuFault
from ivr.menus.menu_file import MenuFile
from ivr.menus.moments import Moments, Soonest, moments, soonest
from ivr.menus.navigation import LONGEST_WALK
from ivr.menus.steps import ALL_KEYS, Fork, Moment, Play, WaitKey
from ivr.menus.walker import PromptSeconds, Walker, lasting
from vocabulary.hotline_names import MOST_LINES

PERSON_WITHIN: Final = 15.0
"""GB/T 33358: answered within 15 s; a menu must not use up more than that by itself."""
LONGEST_GREETING: Final = 10.0
"""Seconds in which nothing can be pressed and nobody is reached."""
LONGEST_LIST: Final = 20.0
"""Seconds of prompts in one go: whoever hears the last key has forgotten the first."""
SHORTEST_WAIT: Final = 3
LONGEST_WAIT: Final = 10
"""Seconds to find a key on a phone that must be taken from the ear first; beyond that it is silence on a line."""
_MOST_TOLD: Final = 12


def faults_in_time(walker: Walker, seconds: PromptSeconds) -> list[MenuFault]:
    """Expects a menu whose nodes all exist; the faults' paths lead into the file of that menu."""
    known = moments(walker)
    menu = walker.menus[walker.name]
    own = [(step, nodes) for step, nodes in known.entries() if step.place.menu == walker.name]
    found = [*_long_greeting(walker, known, seconds), *_lists_and_waits(walker.name, menu, known, seconds)]
    found += _beyond_the_longest_walk(own)
    found += _behind_the_last_line(walker.name, known)
    if known.is_whole:
        soon = soonest(known, seconds)
        found += _no_person([step for step, _ in own], known, soon)
        found += _late_person([step for step, _ in own], soon, seconds)
    else:
        fault = "the menu is too large to time every way through it"
        found.append(_warning(("nodes",), fault, "Split it, or give its menus fewer keys."))
    return found


def _warning(path: tuple[str, ...], fault: str, remedy: str) -> MenuFault:
    return MenuFault(path, fault, remedy, "warning")


def _late_person(
    entries: list[Moment], soon: dict[Moment, Soonest], seconds: PromptSeconds
) -> Iterator[MenuFault]:
    """The one place of the menu from which a person is the farthest away."""
    worst = max((step for step in entries if step in soon), key=lambda step: soon[step].seconds, default=None)
    if worst is None or soon[worst].seconds <= PERSON_WITHIN:
        return
    fault = f"from here a person is reached after {soon[worst].seconds:.0f} s at the soonest: {_told(worst, soon, seconds)}"
    remedy = f"Shorten the prompts, or give a key to a person earlier: {PERSON_WITHIN:.0f} s are asked for."
    yield _warning(("nodes", worst.place.node), fault, remedy)


def _told(first: Moment, soon: dict[Moment, Soonest], seconds: PromptSeconds) -> str:
    """`choose 9 s → key 1 → more 8 s → key 0 → person`."""
    pieces: list[str] = []
    step, spent = first, 0.0
    while True:
        way = soon[step].way
        if way is None:
            told = [*pieces, step.place.node]
            return " → ".join(told if len(told) <= _MOST_TOLD else [*told[:7], "…", *told[-4:]])
        rest = soon[way.to].seconds
        spent += soon[step].seconds - rest
        if way.entered:
            pieces.append(f"{step.place.node} {spent:.0f} s")
            if isinstance(step, Fork):
                pieces.append(" or ".join(filter(None, way.answers)))
            elif None not in way.answers:
                pieces.append(_pressed(way.answers[0]))
            pieces += way.entered[:-1]
            spent = 0.0
        step = way.to


def _pressed(answer: str | None) -> str:
    return f"key {answer}" if answer in tuple(ALL_KEYS) else str(answer)


def _no_person(entries: list[Moment], known: Moments, soon: dict[Moment, Soonest]) -> Iterator[MenuFault]:
    """Whoever is asked for a key must be able to come to a person by one, or by doing nothing."""
    for step in entries:
        is_choice = len(known.ways.get(step, ())) > 1
        if is_choice and step not in soon:
            fault = "from here no key and no waiting leads to a person"
            yield _warning(("nodes", step.place.node), fault, "Give one key to a person, such as 0.")


def _long_greeting(walker: Walker, known: Moments, seconds: PromptSeconds) -> Iterator[MenuFault]:
    spent, step, been = 0.0, known.first, set[Moment]()
    while isinstance(step, Play) and not step.keys and step not in been and step in known.ways:
        been.add(step)
        spent += lasting(step, seconds)
        if spent > LONGEST_GREETING:
            fault = f"for the first {ceil(spent)} s of the call nothing can be pressed and nobody is reached"
            remedy = f"Shorten the greeting to {LONGEST_GREETING:.0f} s, or let it be interrupted (interruptible: true)."
            yield _warning(("nodes", step.place.node), fault, remedy)
            return
        step = known.ways[step][0].to


def _lists_and_waits(
    name: str, menu: MenuFile, known: Moments, seconds: PromptSeconds
) -> Iterator[MenuFault]:
    told: set[tuple[str, ...]] = set()
    for step in known.ways:
        node = step.place.node
        if step.place.menu != name:
            continue
        match step:
            case Play() if lasting(step, seconds) > LONGEST_LIST and ("nodes", node) not in told:
                told.add(("nodes", node))
                fault = f"the prompts here last {ceil(lasting(step, seconds))} s in one go"
                remedy = f"Keep them to {LONGEST_LIST:.0f} s: nobody remembers the first key when he hears the last."
                yield _warning(("nodes", node), fault, remedy)
            case WaitKey() if not SHORTEST_WAIT <= step.seconds <= LONGEST_WAIT:
                written = getattr(menu.nodes[node], "wait_seconds", None)
                path = ("nodes", node) if written is None else ("nodes", node, "wait_seconds")
                if path not in told and written in (None, step.seconds):  # other waits are the node's own
                    told.add(path)
                    yield _warning(path, *_wait(step.seconds))


def _wait(seconds: int) -> tuple[str, str]:
    if seconds < SHORTEST_WAIT:
        return f"{seconds} s are too short to find a key", f"Give {SHORTEST_WAIT} to {LONGEST_WAIT} s."
    return (
        f"a caller who presses nothing sits in silence for {seconds} s",
        f"Give {SHORTEST_WAIT} to {LONGEST_WAIT} s.",
    )


def _beyond_the_longest_walk(entries: list[tuple[Moment, int]]) -> Iterator[MenuFault]:
    """The nearest node that no walk can reach, since every walk is ended before."""
    far = next((step for step, nodes in entries if nodes > LONGEST_WALK), None)
    if far is not None:
        fault = f"lies more than {LONGEST_WALK} nodes from the start, where every walk is ended"
        remedy = "Shorten the way: the caller is led to the default queue before he comes here."
        yield _warning(("nodes", far.place.node), fault, remedy)


def _behind_the_last_line(name: str, known: Moments) -> Iterator[MenuFault]:
    """The nearest node to which nobody comes, since a call is led on from so many lines and no more."""
    behind = (step for step, lines in known.entries_by_lines() if lines > MOST_LINES)
    far = next((step for step in behind if step.place.menu == name), None)
    if far is not None:
        fault = f"lies behind more than {MOST_LINES} queues, and nobody is led on from so many"
        remedy = "Shorten the way: in the next one the caller waits as long as the queue allows."
        yield _warning(("nodes", far.place.node), fault, remedy)
