"""Which step follows in a menu, given the key pressed: pure, the same on the phone and in a simulation.

The caller of this module plays and listens; nothing here does. A walk always ends: after `LONGEST_WALK` nodes
the caller goes to the default queue of the number called.
"""

from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ivr.menus.schema import ALL_KEYS, HangUp, KeyMenu, MenuFile, Node, NoKey, Queue, Say

LONGEST_WALK: Final = 100


@dataclass(frozen=True)
class Place:
    """Where a walk stands, how often this node was repeated, and the way here."""

    node: str
    nodes_walked: tuple[str, ...]
    wrong_keys: int = 0
    silences: int = 0

    @property
    def path(self) -> str:
        """The nodes entered, such as greeting/person."""
        return "/".join(self.nodes_walked)


@dataclass(frozen=True)
class Play:
    """Play the prompts in order, stopping at a key of `keys`; then ask again with that key or None."""

    place: Place
    prompts: tuple[str, ...]
    keys: str


@dataclass(frozen=True)
class WaitKey:
    """Listen so long for one key; then ask again with that key or None."""

    place: Place
    seconds: int


@dataclass(frozen=True)
class ToQueue:
    """The walk ends in a queue; None means the default queue of the number called."""

    place: Place
    queue: str | None
    category: str | None = None


@dataclass(frozen=True)
class EndCall:
    """The walk ends with these prompts and a hang-up."""

    place: Place
    prompts: tuple[str, ...]


Step: TypeAlias = Play | WaitKey | ToQueue | EndCall


def start(menu: MenuFile) -> Step:
    return _enter(menu, Place(menu.start, ()), menu.start)


def next_step(menu: MenuFile, step: Play | WaitKey, key: str | None) -> Step:
    """What follows after `step` was carried out and brought `key`."""
    node = menu.nodes[step.place.node]
    if isinstance(node, Say):
        return _after_say(menu, step.place, node, key)
    assert isinstance(node, KeyMenu)
    if key is not None:
        return _chosen(menu, step.place, node, key)
    if isinstance(step, Play):
        return WaitKey(step.place, node.wait_seconds)
    silences = step.place.silences + 1
    place = replace(step.place, silences=silences)
    return _again_or_on(menu, place, node, node.no_key, silences, ())


def _enter(menu: MenuFile, place: Place, name: str) -> Step:
    entered = Place(name, (*place.nodes_walked, name))
    if len(entered.nodes_walked) > LONGEST_WALK:
        return ToQueue(entered, None)
    return _first_step(entered, menu.nodes[name])


def _first_step(place: Place, node: Node) -> Step:
    match node:
        case Say():
            return Play(place, tuple(node.prompts), ALL_KEYS if node.interruptible else "")
        case KeyMenu():
            return _play_menu(place, node, ())
        case Queue():
            return ToQueue(place, node.queue, node.category)
        case HangUp():
            return EndCall(place, tuple(node.prompts))


def _play_menu(place: Place, node: KeyMenu, before: tuple[str, ...]) -> Play:
    return Play(place, (*before, *node.prompts), ALL_KEYS if node.interruptible else "")


def _after_say(menu: MenuFile, place: Place, node: Say, key: str | None) -> Step:
    following = _enter(menu, place, node.next)
    target = menu.nodes[node.next]
    if key is not None and isinstance(target, KeyMenu) and isinstance(following, Play):
        return _chosen(menu, following.place, target, key)
    return following


def _chosen(menu: MenuFile, place: Place, node: KeyMenu, key: str) -> Step:
    if key in node.keys:
        return _enter(menu, place, node.keys[key])
    wrong = place.wrong_keys + 1
    return _again_or_on(
        menu, replace(place, wrong_keys=wrong), node, node.wrong_key, wrong, tuple(node.wrong_key.prompts)
    )


def _again_or_on(
    menu: MenuFile, place: Place, node: KeyMenu, rule: NoKey, times: int, before: tuple[str, ...]
) -> Step:
    if times > rule.replays:
        return _enter(menu, place, rule.then)
    return _play_menu(place, node, before)
