"""Which key presses lead elsewhere in one menu than in another: both are walked side by side, by the navigation of a call.

Pure and bounded. What an admin reads before he publishes, and what a publish is remembered by.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Final, TypeAlias

from ivr.lines import Lines
from ivr.menus.facts import NO_FACTS, Facts, OnAir, nothing_but
from ivr.menus.graph import nodes_ahead
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import after_all, start_of_all
from ivr.menus.steps import (
    ALL_KEYS,
    NOT_RECORDED,
    NOT_SERVED,
    RECORDED,
    RESULTS,
    TOO_SHORT,
    Asking,
    EndCall,
    Fork,
    Moment,
    Place,
    Play,
    PlayRecorded,
    Record,
    ToQueue,
    Transfer,
    WaitInLine,
    WaitKey,
)

MOST_MOMENTS: Final = 5000
"""So many moments at which a key may be pressed are compared, in about two seconds; a menu of a thousand nodes has as many."""
_NOWHERE: Final = Place(())
_IF: Final = "if "
_ON: Final = nothing_but(OnAir("", ("an emergency message",)))
_OWN_WORDS: Final = ("his own message",)

Presses: TypeAlias = tuple[str, ...]
"""One entry for each moment at which a key may be pressed: the keys that lead the same way, "" for none. At a branch: what
is so there; at a transfer or a recording: what came of it."""


@dataclass(frozen=True)
class Door:
    """A menu as one number has it, among all menus of its set. `queue`: where the call goes when the menu names none. `lines`:
    None where nobody asks which part of a queue serves."""

    menus: Mapping[str, MenuFile]
    name: str
    queue: str
    facts: Facts = NO_FACTS
    lines: Lines | None = None

    @property
    def has_a_place_for_broadcasts(self) -> bool:
        return any(node.PLAYS_BROADCASTS for node in nodes_ahead(self.menus, self.name))

    def served_by(self, step: ToQueue) -> str:
        """The queue, or the part of it that has what is wanted."""
        name, wanted = step.queue or self.queue, step.wanted
        if self.lines is None:
            return name
        chosen = step.place.language
        found = self.lines.serving(name, language=wanted.language, skill=wanted.skill, chosen=chosen)
        return found.name if found else name


@dataclass(frozen=True)
class Turn:
    """What a caller meets until he must press a key, a branch asks, or he is led away: what he hears, and the last step."""

    plays: tuple[Play, ...]
    last: Moment

    @property
    def heard(self) -> tuple[str, ...]:
        return tuple(prompt for play in self.plays for prompt in play.prompts)

    @cached_property
    def met(self) -> tuple[object, ...]:
        """Equal if a caller notices no difference here."""
        keys = tuple(
            (prompt, play.keys, play.place.language) for play in self.plays for prompt in play.prompts
        )
        if isinstance(self.last, Fork):
            return keys, ()  # where it leads is told behind it
        goodbye = self.last.place.language if isinstance(self.last, EndCall) else None
        return keys, replace(self.last, place=_NOWHERE), goodbye

    @cached_property
    def state(self) -> tuple[object, ...]:
        """Equal if everything that may follow is equal too, the way here aside."""
        return self.met, self.last.place.bare, self.last if isinstance(self.last, Fork) else None


@dataclass(frozen=True)
class ChangedPath:
    """After `presses` the caller meets `after`; he met `before`."""

    presses: Presses
    before: Turn
    after: Turn


@dataclass(frozen=True)
class Comparison:
    """`entered`: menus and nodes that were looked at, before or after. Not `is_whole`: there is more than these `moments`."""

    changed: tuple[ChangedPath, ...]
    entered: frozenset[tuple[str, str]]
    is_whole: bool
    moments: int


def compare(before: Door, after: Door, most: int = MOST_MOMENTS) -> Comparison:
    """The shortest presses to each difference, shortest first. Behind a key that leads elsewhere nothing more is told.

    Where either has a place for broadcasts both are walked while one is on: else nobody would hear that place move."""
    if before.has_a_place_for_broadcasts or after.has_a_place_for_broadcasts:
        before, after = replace(before, facts=_ON), replace(after, facts=_ON)
    changed: list[ChangedPath] = []
    entered: set[tuple[str, str]] = set()
    ahead: deque[tuple[Presses, Turn, Turn]] = deque([((), _begin(before), _begin(after))])
    seen: set[tuple[object, ...]] = set()
    while ahead and len(seen) < most:
        presses, old, new = ahead.popleft()
        if (old.state, new.state) in seen:
            continue
        seen.add((old.state, new.state))
        entered.update(_nodes(old.last.place), _nodes(new.last.place))
        if old.met != new.met or _comes_elsewhere(before, after, old.last.place, new.last.place):
            changed.append(ChangedPath(presses, old, new))
        if _is_same_place(old, new):
            ahead.extend(
                ((*presses, keys), was, now)
                for keys, was, now in chain(
                    _ways_before_a_tone(before, after, old, new), _ways_on(before, after, old.last, new.last)
                )
            )
    return Comparison(tuple(changed), frozenset(entered), not ahead, len(seen))


def _nodes(place: Place) -> Iterator[tuple[str, str]]:
    return ((menu, node) for menu, *nodes in place.walked for node in nodes)


def _comes_elsewhere(before: Door, after: Door, old: Place, new: Place) -> bool:
    """To another of the nodes that both sets have, so that rules and records tell the two apart; not by another name."""
    return (old.menu, old.node) != (new.menu, new.node) and _has(after, old) and _has(before, new)


def _has(door: Door, at: Place) -> bool:
    return at.menu in door.menus and at.node in door.menus[at.menu].nodes


def _begin(door: Door) -> Turn:
    return _turn(door, start_of_all(door.menus, door.name, door.facts))


def _turn(door: Door, step: Moment) -> Turn:
    plays: list[Play] = []
    while isinstance(step, Play | PlayRecorded):
        plays.append(step if isinstance(step, Play) else Play(step.place, _OWN_WORDS, step.keys))
        step = after_all(door.menus, step, None, door.facts)
    if isinstance(step, ToQueue):
        step = replace(step, queue=door.served_by(step))
    return Turn(tuple(plays), step)


def _is_same_place(old: Turn, new: Turn) -> bool:
    """He may go on from here by the same keys: the same words are heard, or the node has the same name."""
    return old.heard == new.heard or old.last.place.node == new.last.place.node


def _ways_before_a_tone(before: Door, after: Door, old: Turn, new: Turn) -> Iterator[tuple[str, Turn, Turn]]:
    """Keys during what is said before a recording lead elsewhere than what comes of it; in a menu they are those after it."""
    if not (isinstance(old.last, Record) and isinstance(new.last, Record) and old.plays and new.plays):
        return
    was, now = old.plays[-1], new.plays[-1]
    for key in ALL_KEYS:
        if key in was.keys and key in now.keys:
            yield key, _after(before, was, key), _after(after, now, key)


def _ways_on(before: Door, after: Door, old: Moment, new: Moment) -> Iterator[tuple[str, Turn, Turn]]:
    """Keys that lead the same way, with what follows; in the order of the telephone's keys, none last."""
    if isinstance(old, Fork) and isinstance(new, Fork):
        yield from _ways_of_branches(before, after, old, new)
    if isinstance(old, Record) and isinstance(new, Record):
        for answer in (RECORDED, TOO_SHORT, NOT_RECORDED):
            yield answer, _after(before, old, answer), _after(after, new, answer)
    if isinstance(old, Transfer) and isinstance(new, Transfer):
        for result in RESULTS:
            yield result, _after(before, old, result), _after(after, new, result)
        return
    if isinstance(old, WaitInLine) and isinstance(new, WaitInLine):
        yield NOT_SERVED, _after(before, old, NOT_SERVED), _after(after, new, NOT_SERVED)
    if not (isinstance(old, WaitKey) and isinstance(new, WaitKey)):
        return
    alike = set(_alike(before, old)) & set(_alike(after, new))
    found: dict[tuple[object, ...], tuple[str, Turn, Turn]] = {}
    for key in ALL_KEYS:
        tried = min(alike) if key in alike else key
        was, now = _after(before, old, tried), _after(after, new, tried)
        same = (was.state, now.state)
        keys = found[same][0] if same in found else ""
        found[same] = (keys + key, was, now)
    yield from found.values()
    yield "", _after(before, old, None), _after(after, new, None)


def _ways_of_branches(before: Door, after: Door, old: Fork, new: Fork) -> Iterator[tuple[str, Turn, Turn]]:
    """Whatever either asks; what one of them does not ask leads there by its last way."""
    for words in dict.fromkeys(words for words, _ in (*new.ways, *old.ways)):
        yield _IF + words, _after(before, old, words), _after(after, new, words)


def _alike(door: Door, step: WaitKey) -> str:
    return door.menus[step.place.menu].nodes[step.place.node].alike(step)


def _after(door: Door, step: Asking | Fork, answer: str | None) -> Turn:
    return _turn(door, after_all(door.menus, step, answer, door.facts))


def in_words(path: ChangedPath) -> str:
    """`key 1, key 3: queue "tax"; before: queue "general"`."""
    after, before = turn_in_words(path.after), turn_in_words(path.before)
    if path.after.met == path.before.met:
        after += f", by node {path.after.last.place.node}"
        before = f"by node {path.before.last.place.node}"
    return f"{presses_in_words(path.presses)}: {after}; before: {before}"


def presses_in_words(presses: Presses) -> str:
    return ", ".join(_press(keys) for keys in presses) or "when answered"


def _press(keys: str) -> str:
    if keys.startswith(_IF):
        return keys if keys != f"{_IF}else" else "otherwise"
    if not keys:
        return "no key"
    if keys in (RECORDED, TOO_SHORT, NOT_RECORDED):
        return f"a message that is {keys.replace('_', ' ')}"
    if keys == NOT_SERVED:
        return "waiting in vain"
    if keys in RESULTS:
        return f"transfer {keys}"
    return f"key {keys}" if len(keys) == 1 else f"any key of {keys}"


def turn_in_words(turn: Turn) -> str:
    heard = f"hears {', '.join(turn.heard)}" if turn.heard else ""
    languages = {play.place.language for play in turn.plays} - {None}
    if heard and languages:
        heard += f" in {', '.join(sorted(filter(None, languages)))}"
    deaf = [prompt for play in turn.plays if not play.keys for prompt in play.prompts]
    if deaf and isinstance(turn.last, WaitKey):
        heard += f" (no key cuts {', '.join(deaf)} short)"
    return ", then ".join(part for part in (heard, _last(turn.last)) if part)


def _last(step: Moment) -> str:
    match step:
        case Fork():
            return f"a branch at {step.place.node}"
        case ToQueue():
            return ", ".join((f'queue "{step.queue}"', *_how(step)))
        case EndCall():
            spoken = f" in {step.place.language}" if step.place.language else ""
            return f"hears {', '.join(step.prompts)}{spoken} and is hung up" if step.prompts else "is hung up"
        case WaitKey():
            return f"waits {step.seconds} s for a key at {step.place.node}"
        case Record():
            keys = f" or key {' '.join(step.end_keys)}" if step.end_keys else ""
            end = f"ended by {step.silence} s of silence{keys}"
            return f"has {step.shortest} to {step.longest} s for a message at {step.place.node}, {end}"
        case Transfer():
            return f'is put through to "{step.to}"'
        case Play():
            return f"hears {', '.join(step.prompts)}"
        case PlayRecorded():
            return "hears his own message"


def _how(step: ToQueue) -> Iterator[str]:
    """In what way he waits there."""
    wanted = step.wanted
    if step.category:
        yield f'category "{step.category}"'
    if wanted.priority:
        yield f'class "{wanted.priority}"'
    if wanted.language:
        yield f"agents who speak {wanted.language}"
    if wanted.skill:
        yield f'skill "{wanted.skill}"'
    if wanted.announcements:
        yield f"announcements {wanted.announcements}"
    if wanted.longest_wait:
        yield f"for {wanted.longest_wait} s" + (" and then on" if isinstance(step, WaitInLine) else "")
