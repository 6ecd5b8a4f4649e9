"""Walks a caller through a menu: plays what navigation says, listens, and ends at a queue, a transfer or a goodbye.

Which step follows which key is decided in ivr.menus.navigation; here it is only carried out.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ivr.calls.channel import CallerHungUp, Channel
from ivr.calls.onward_ways import leave_ways
from ivr.calls.recorder import Recorder
from ivr.calls.walk_needs import WalkNeeds
from ivr.lines import Language
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import (
    NOT_SERVED,
    EndCall,
    Play,
    PlayRecorded,
    Record,
    Step,
    ToQueue,
    Transfer,
    WaitInLine,
    WaitKey,
)
from ivr.prompts.rendering import NoSuchPrompt, PromptLibrary
from vocabulary.hotline_names import FALLBACK, LANGUAGE, TRANSFER, WALKED

_log = logging.getLogger(__name__)
_MARGIN_SECONDS: Final = 5
"""How long a step may take beyond its prompts before the dialplan goes on without us."""
_UNKNOWN_PROMPT_SECONDS: Final = 20.0
_LONGEST_PATH: Final = 1500
"""Characters of a path that stand on the channel: Asterisk cuts an AGI command at 2,048, and a hundred long names are more."""


@dataclass
class Walk:
    """How far the caller came; filled in as he goes, so that it also tells about one who hung up on the way.

    `version`: of the files. `queue` None: the default queue of the number called. `path`: menu and the nodes entered, such
    as main/greeting, with // where the walk came into another file. `broadcast`: that was on when he called, heard out or not.
    """

    version: str = ""
    path: str = ""
    greeted_at: datetime | None = None
    queue: str | None = None
    category: str | None = None
    line: ToQueue | None = None
    """The step by which he is led into a queue."""
    transfer: str | None = None
    """The destination to which the dialplan puts him through now."""
    broadcast: str = ""
    is_ended: bool = False
    has_hung_up: bool = False

    def enter(self, step: Step, now: Callable[[], datetime]) -> None:
        self.path = step.place.path
        if isinstance(step, ToQueue | Transfer):
            self.greeted_at = self.greeted_at or now()
        if isinstance(step, ToQueue):
            self.line, self.queue, self.category = step, step.queue, step.category or self.category

    def told(self) -> str:
        """As it stands on the channel (WALKED): if nothing else is ever written of this walk, the dialplan's last line is."""
        at = self.greeted_at
        greeted = f"{int(at.timestamp())}.{at:%f}" if at else ""
        path = self.path
        if len(path) > _LONGEST_PATH:
            path = path[:_LONGEST_PATH].rpartition("/")[0]
        told = "|".join((path, self.version, self.queue or "", self.category or "", greeted))
        return f"{told}|{self.broadcast}" if self.broadcast else told


def walked_so_far(told: str) -> Walk:
    """The walk as `Walk.told` wrote it, for who goes on in it."""
    path, version, _queue, category, greeted, broadcast = (*told.split("|"), *[""] * 6)[:6]
    seconds, _, rest = greeted.partition(".")
    at = None
    if seconds.isdecimal():
        at = datetime.fromtimestamp(int(seconds), UTC).replace(microsecond=int(rest or 0))
    return Walk(version, path, at, category=category or None, broadcast=broadcast)


def version_walked(told: str) -> str:
    """Of what `Walk.told` wrote; "" if nothing was walked."""
    _path, _, rest = told.partition("|")
    return rest.partition("|")[0]


def walk_menu(channel: Channel, name: str, needs: WalkNeeds) -> Walk:
    """Never raises CallerHungUp: the walk says `has_hung_up`."""
    on = needs.facts.broadcast()
    walk = Walk(needs.version, broadcast=on.name if on else "")
    try:
        _carry_out(channel, walk, start(needs.menus, name, needs.facts), needs)
    except CallerHungUp:
        walk.has_hung_up = True
    return walk


def walk_on(channel: Channel, walk: Walk, standing: WaitInLine, needs: WalkNeeds) -> None:
    """On from the queue in which nobody served him; `walk` is how far he came until then. As `walk_menu`."""
    try:
        _carry_out(channel, walk, next_step(needs.menus, standing, NOT_SERVED, needs.facts), needs)
    except CallerHungUp:
        walk.has_hung_up = True


def _carry_out(channel: Channel, walk: Walk, step: Step, needs: WalkNeeds) -> None:
    menus, prompts, facts = needs.menus, needs.prompts, needs.facts
    recorder = Recorder(channel, needs.voicemails)
    told: set[tuple[str, str]] = set()
    chosen: Language | None = None
    while True:
        walk.enter(step, needs.now)
        channel.set_variable(WALKED, walk.told())
        if step.place.language != chosen:
            chosen = step.place.language
            channel.set_variable(LANGUAGE, chosen or needs.language)
            channel.set_variable(FALLBACK, needs.in_line_of(ToQueue(step.place, None)).queue)
        for name, typed in set(step.place.kept) - told:
            channel.set_variable(name, typed)
        told = set(step.place.kept)
        match step:
            case ToQueue():
                return
            case Transfer():
                category = leave_ways(channel, step, needs)
                walk.category = category or walk.category
                channel.set_variable(WALKED, walk.told())
                channel.set_variable(TRANSFER, step.to)
                walk.transfer = step.to
                return
            case EndCall():
                play_prompts(channel, step.prompts, "", prompts, step.place.language or needs.language)
                walk.is_ended = True
                return
            case Play():
                key = play_prompts(
                    channel, step.prompts, step.keys, prompts, step.place.language or needs.language
                )
                walk.greeted_at = walk.greeted_at or needs.now()
                step = next_step(menus, step, key, facts)
            case WaitKey():
                channel.allow(step.seconds + _MARGIN_SECONDS)
                step = next_step(menus, step, channel.wait_key(step.seconds), facts)
            case Record():
                step = next_step(menus, step, recorder.record(step), facts)
            case PlayRecorded():
                step = next_step(menus, step, recorder.play(step), facts)


def play_prompts(
    channel: Channel, names: tuple[str, ...], keys: str, prompts: PromptLibrary, language: Language
) -> str | None:
    """Plays them in order until one of `keys` is pressed. A missing prompt is skipped: silence is better than no call."""
    for name in names:
        try:
            sound, seconds = prompts.sound(name, language), prompts.length(name, language)
        except NoSuchPrompt as fault:
            _log.error("call %s: %s", channel.call_id, fault)
            continue
        channel.allow(round(seconds or _UNKNOWN_PROMPT_SECONDS) + _MARGIN_SECONDS)
        key = channel.play(sound, keys)
        if key is not None:
            return key
    return None
