"""Before a caller is put through to somebody outside: where he goes afterwards is written on his channel, way by way, so that
the dialplan leads him there by itself, whatever becomes of our server."""

import logging
from collections.abc import Iterator
from typing import Final

from ivr.calls.channel import Channel
from ivr.calls.in_line import InLineOf
from ivr.lines import Language
from ivr.menus.facts import Facts
from ivr.menus.navigation import Menus
from ivr.menus.steps import EndCall, Result, ToQueue, Transfer
from ivr.menus.transfers import Onward, onward
from ivr.prompts.rendering import NoSuchPrompt, PromptLibrary
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


def leave_ways(
    channel: Channel,
    menus: Menus,
    step: Transfer,
    prompts: PromptLibrary,
    language: Language,
    facts: Facts,
    in_line_of: InLineOf,
) -> str | None:
    """Gives the category that the caller's matter has in the queue that he goes to if nobody answers there."""
    ways = {result: onward(menus, step, result, facts) for result in _WAYS}
    for result, name in _WAYS.items():
        channel.set_variable(name, _in_words(channel.call_id, ways[result], prompts, language, in_line_of))
    ends = (way.end for result, way in ways.items() if result != "answered")
    return next((end.category for end in ends if isinstance(end, ToQueue) and end.category), None)


def _in_words(
    call_id: str, way: Onward, prompts: PromptLibrary, language: Language, in_line_of: InLineOf
) -> str:
    sounds: list[str] = []
    for sound in _sounds(call_id, way, prompts, language):
        if sum(map(len, sounds)) + len(sounds) + len(sound) > _LONGEST:
            _log.error("call %s: too many prompts behind a transfer, the last ones are left out", call_id)
            break
        sounds.append(sound)
    heard = "&".join(sounds)
    return f"{TRANSFER_BYE}:{heard}" if isinstance(way.end, EndCall) else in_line_of(way.end).way(heard)


def _sounds(call_id: str, way: Onward, prompts: PromptLibrary, language: Language) -> Iterator[str]:
    for step in way.heard:
        for name in step.prompts:
            try:
                yield prompts.sound(name, step.place.language or language)
            except NoSuchPrompt as fault:
                _log.error("call %s: %s", call_id, fault)
