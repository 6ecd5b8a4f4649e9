"""Before a caller is put through to somebody outside: where he goes afterwards is written on his channel, way by way, so that
the dialplan leads him there by itself, whatever becomes of our server."""

import logging
from collections.abc import Iterator
from typing import Final

from ivr.calls.channel import Channel
from ivr.calls.walk_needs import WalkNeeds
from ivr.menus.steps import EndCall, Result, ToQueue, Transfer
from ivr.menus.transfers import Onward, onward
from ivr.prompts.rendering import NoSuchPrompt
from vocabulary.hotline_names import IF_ANSWERED, IF_BUSY, IF_FAILED, IF_NO_ANSWER, TRANSFER_BYE

_log = logging.getLogger(__name__)
_WAYS: Final[dict[Result, str]] = {
    "answered": IF_ANSWERED,
    "busy": IF_BUSY,
    "no_answer": IF_NO_ANSWER,
    "failed": IF_FAILED,
}
_LONGEST: Final = 1500
"""Characters of sounds in one way: Asterisk cuts an AGI command at 2,048."""


def leave_ways(channel: Channel, step: Transfer, needs: WalkNeeds) -> str | None:
    """Gives the category that the caller's matter has in the queue that he goes to if nobody answers there."""
    ways = {result: onward(needs.menus, step, result, needs.facts) for result in _WAYS}
    for result, name in _WAYS.items():
        channel.set_variable(name, _in_words(channel.call_id, ways[result], needs))
    ends = (way.end for result, way in ways.items() if result != "answered")
    return next((end.category for end in ends if isinstance(end, ToQueue) and end.category), None)


def _in_words(call_id: str, way: Onward, needs: WalkNeeds) -> str:
    sounds: list[str] = []
    for sound in _sounds(call_id, way, needs):
        if sum(map(len, sounds)) + len(sounds) + len(sound) > _LONGEST:
            _log.error("call %s: too many prompts behind a transfer, the last ones are left out", call_id)
            break
        sounds.append(sound)
    heard = "&".join(sounds)
    return f"{TRANSFER_BYE}:{heard}" if isinstance(way.end, EndCall) else needs.in_line_of(way.end).way(heard)


def _sounds(call_id: str, way: Onward, needs: WalkNeeds) -> Iterator[str]:
    for step in way.heard:
        for name in step.prompts:
            try:
                yield needs.prompts.sound(name, step.place.language or needs.language)
            except NoSuchPrompt as fault:
                _log.error("call %s: %s", call_id, fault)
