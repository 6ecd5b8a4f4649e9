"""A caller leaves a message: recorded on his line into a file of ours, and played to him again.

Whether it is long enough is said by the file itself, so that the same is found when this process is dead.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ivr.calls.channel import Channel
from ivr.menus.steps import NOT_RECORDED, RECORDED, TOO_SHORT, PlayRecorded, Record
from tickets.voicemails import NoRoom, Voicemails, spoken_seconds, written_seconds

_log = logging.getLogger(__name__)
_MARGIN_SECONDS: Final = 5
_LOST_SECONDS: Final = 2.0
"""So much less in the file than Asterisk says it recorded: it could not be written."""


@dataclass
class Recorder:
    """For one walk. `voicemails` None: this process keeps none, so nothing can be recorded."""

    channel: Channel
    voicemails: Voicemails | None
    _message: Path | None = None

    def record(self, step: Record) -> str:
        """RECORDED, TOO_SHORT or NOT_RECORDED. Raises CallerHungUp; what was said until then stays in its file."""
        if self.voicemails is None:
            return NOT_RECORDED
        try:
            return self._record(step, self.voicemails)
        except (OSError, NoRoom) as fault:
            _log.error("call %s: no message can be recorded: %s", self.channel.call_id, fault)
            return NOT_RECORDED

    def _record(self, step: Record, voicemails: Voicemails) -> str:
        take = voicemails.new_take(self.channel.call_id, step.shortest, step.longest)
        try:
            answer = self._taken(step, take, voicemails)
        except OSError:
            self._drop_if_one_is_kept(take)
            raise
        if answer == NOT_RECORDED:
            self._drop_if_one_is_kept(take)
        if answer == RECORDED:
            voicemails.keep_only(take)
            self._message = take
        return answer

    def _taken(self, step: Record, take: Path, voicemails: Voicemails) -> str:
        self.channel.allow(step.longest + _MARGIN_SECONDS)
        told = self.channel.record(str(take.with_suffix("")), step.end_keys, step.longest, step.silence)
        is_lost = told is None or told - written_seconds(take) > _LOST_SECONDS
        if is_lost or voicemails.has_run_out_of_room(take):
            _log.error("call %s: the message was not recorded, or not all of it", self.channel.call_id)
            return NOT_RECORDED
        return TOO_SHORT if spoken_seconds(take) < step.shortest else RECORDED

    def _drop_if_one_is_kept(self, take: Path) -> None:
        """Part of what he said anew would count before the whole that he said first. A part alone is kept: it is all there is."""
        if self._message is not None:
            take.unlink(missing_ok=True)

    def play(self, step: PlayRecorded) -> str | None:
        """The key that stopped it."""
        if self._message is None:
            return None
        self.channel.allow(step.longest + _MARGIN_SECONDS)
        return self.channel.play(str(self._message.with_suffix("")), step.keys)
