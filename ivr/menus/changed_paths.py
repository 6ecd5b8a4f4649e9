"""Which key presses lead elsewhere in one menu than in another: both are walked side by side, by the navigation of a call.

Pure and bounded. What an admin reads before he publishes, and what a publish is remembered by.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeAlias

from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import ALL_KEYS, RESULTS, Asking, EndCall, Place, Play, Step, ToQueue, Transfer, WaitKey

MOST_MOMENTS: Final = 5000
"""So many moments at which a key may be pressed are compared, in about two seconds; a menu of a thousand nodes has as many."""
_NOWHERE: Final = Place(())

Presses: TypeAlias = tuple[str, ...]
"""One entry for each moment at which a key may be pressed: the keys that lead the same way, "" for none; or what came of a
transfer."""


@dataclass(frozen=True)
class Door:
    """A menu as one number has it, among all menus of its set. `queue`: where the call goes when the menu names none."""

    menus: Mapping[str, MenuFile]
    name: str
    queue: str


@dataclass(frozen=True)
class Turn:
    """What a caller meets until he must press a key or is led away: what he hears, and the last step."""

    plays: tuple[tuple[tuple[str, ...], str], ...]
    last: Step

    @property
    def heard(self) -> tuple[str, ...]:
        return tuple(prompt for prompts, _ in self.plays for prompt in prompts)

    @cached_property
    def met(self) -> tuple[object, ...]:
        """Equal if a caller notices no difference here."""
        keys = tuple((prompt, keys) for prompts, keys in self.plays for prompt in prompts)
        return keys, replace(self.last, place=_NOWHERE)

    @cached_property
    def state(self) -> tuple[object, ...]:
        """Equal if everything that may follow is equal too, the way here aside."""
        return self.met, self.last.place.bare


@dataclass(frozen=True)
class ChangedPath:
    """After `presses` the caller meets `after`; he met `before`."""

    presses: Presses
    before: Turn
    after: Turn


@dataclass(frozen=True)
class Comparison:
    """`entered`: the nodes that were looked at, in either menu. Not `is_whole`: there is more than these `moments`."""

    changed: tuple[ChangedPath, ...]
    entered: frozenset[str]
    is_whole: bool
    moments: int


def compare(before: Door, after: Door, most: int = MOST_MOMENTS) -> Comparison:
    """The shortest presses to each difference, shortest first. Behind a key that leads elsewhere nothing more is told."""
    changed: list[ChangedPath] = []
    entered: set[str] = set()
    ahead: deque[tuple[Presses, Turn, Turn]] = deque([((), _begin(before), _begin(after))])
    seen: set[tuple[object, ...]] = set()
    while ahead and len(seen) < most:
        presses, old, new = ahead.popleft()
        if (old.state, new.state) in seen:
            continue
        seen.add((old.state, new.state))
        entered.update(old.last.place.nodes_walked, new.last.place.nodes_walked)
        if old.met != new.met:
            changed.append(ChangedPath(presses, old, new))
        if _is_same_place(old, new):
            ahead.extend(
                ((*presses, keys), was, now) for keys, was, now in _ways_on(before, after, old.last, new.last)
            )
    return Comparison(tuple(changed), frozenset(entered), not ahead, len(seen))


def _begin(door: Door) -> Turn:
    return _turn(door, start(door.menus, door.name))


def _turn(door: Door, step: Step) -> Turn:
    plays: list[tuple[tuple[str, ...], str]] = []
    while isinstance(step, Play):
        plays.append((step.prompts, step.keys))
        step = next_step(door.menus, step, None)
    if isinstance(step, ToQueue):
        step = replace(step, queue=step.queue or door.queue)
    return Turn(tuple(plays), step)


def _is_same_place(old: Turn, new: Turn) -> bool:
    """He may go on from here by the same keys: the same words are heard, or the node has the same name."""
    return old.heard == new.heard or old.last.place.node == new.last.place.node


def _ways_on(before: Door, after: Door, old: Step, new: Step) -> Iterator[tuple[str, Turn, Turn]]:
    """Keys that lead the same way, with what follows; in the order of the telephone's keys, none last."""
    if isinstance(old, Transfer) and isinstance(new, Transfer):
        for result in RESULTS:
            yield result, _after(before, old, result), _after(after, new, result)
        return
    if not (isinstance(old, WaitKey) and isinstance(new, WaitKey)):
        return
    found: dict[tuple[object, ...], tuple[str, Turn, Turn]] = {}
    for key in ALL_KEYS:
        was, now = _after(before, old, key), _after(after, new, key)
        same = (was.state, now.state)
        keys = found[same][0] if same in found else ""
        found[same] = (keys + key, was, now)
    yield from found.values()
    yield "", _after(before, old, None), _after(after, new, None)


def _after(door: Door, step: Asking, key: str | None) -> Turn:
    return _turn(door, next_step(door.menus, step, key))


def in_words(path: ChangedPath) -> str:
    """`key 1, key 3: queue "tax"; before: queue "general"`."""
    return (
        f"{presses_in_words(path.presses)}: {turn_in_words(path.after)}; before: {turn_in_words(path.before)}"
    )


def presses_in_words(presses: Presses) -> str:
    return ", ".join(_press(keys) for keys in presses) or "when answered"


def _press(keys: str) -> str:
    if not keys:
        return "no key"
    if keys in RESULTS:
        return f"transfer {keys}"
    return f"key {keys}" if len(keys) == 1 else f"any key of {keys}"


def turn_in_words(turn: Turn) -> str:
    heard = f"hears {', '.join(turn.heard)}" if turn.heard else ""
    deaf = [prompt for prompts, keys in turn.plays if not keys for prompt in prompts]
    if deaf and isinstance(turn.last, WaitKey):
        heard += f" (no key cuts {', '.join(deaf)} short)"
    return ", then ".join(part for part in (heard, _last(turn.last)) if part)


def _last(step: Step) -> str:
    match step:
        case ToQueue():
            return f'queue "{step.queue}"' + (f', category "{step.category}"' if step.category else "")
        case EndCall():
            return f"hears {', '.join(step.prompts)} and is hung up" if step.prompts else "is hung up"
        case WaitKey():
            return f"{step.seconds} s for a key at {step.place.node}"
        case Transfer():
            return f'is put through to "{step.to}"'
        case Play():
            return f"hears {', '.join(step.prompts)}"
