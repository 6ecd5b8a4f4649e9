"""What happens to a call at each moment at which Asterisk asks us: arrival, out of the queue, end, callback accepted.

Every method serves one short AGI leg. Where nothing has to be looked up, the channel is let go before the database is
written, so that no citizen waits for a disk; whatever fails here, the dialplan leads the caller to the queue.
"""

import logging
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Protocol

from sqlmodel import Session

from ivr.calls.accepted_callbacks import AcceptedCallbacks, Write
from ivr.calls.channel import CallerHungUp, Channel
from ivr.calls.in_line import InLine, InLineOf, in_line
from ivr.calls.ledger import Ledger
from ivr.calls.live_facts import LiveFacts
from ivr.calls.looks import Look, no_look
from ivr.calls.walk import Walk, play_prompts, version_walked, walk_menu, walk_on, walked_so_far
from ivr.calls.walk_needs import WalkNeeds
from ivr.config_files.checker import Configuration
from ivr.config_files.running import Running
from ivr.lines import LANGUAGES, Language
from ivr.menus.facts import Facts, OnAir
from ivr.menus.going_on import standing
from ivr.menus.steps import ToQueue
from ivr.prompts.rendering import PromptLibrary
from tickets.call_events import Event, EventKind, EventSource
from tickets.voicemails import Voicemails
from vocabulary.hotline_names import (
    CALLER,
    DEFAULT_QUEUE,
    NEXT,
    NUMBER_CALLED,
    QUEUE,
    THEN,
    TRUNK,
    WALKED,
)

_log = logging.getLogger(__name__)
_TIME_IN_CALL_ID: Final = re.compile(r"(?:^|-)(\d{10})\.\d+$")
_EXACT_TIME: Final = re.compile(r"(\d{10})\.(\d{6})", re.ASCII)
HANG_UP: Final = "hang_up"
SORRY: Final = "sorry"
LED_ON: Final = "led_on"
"""The menu has led him on from a queue, and where is written down."""
WALKING: Final = "walking"
"""The menu leads him on from a queue; if it is the last that the dialplan hears, it leads him to the default queue."""
_IN_VAIN: Final = frozenset({"TIMEOUT", "NO_AGENT", "FULL"})
"""Words of the dialplan for a caller whom a queue did not serve."""


class OnTheAir(Protocol):
    def __call__(
        self, number_called: str, running: Running, now: datetime, /
    ) -> tuple[OnAir | None, PromptLibrary]:
        """The broadcast for callers of that number, and the prompts with its sounds among them. Asks nobody, never raises."""


def nothing_on(_number: str, running: Running, _now: datetime) -> tuple[OnAir | None, PromptLibrary]:
    return None, running.prompts


@dataclass(frozen=True)
class CallDesk:
    """`write` does one piece of work in a transaction and returns after the commit; `trunks_up` names the trunks that
    answer; `is_log_read` says whether queue_log was read to its end just now, without which nobody is rung back;
    `earlier` gives the set of a version that was in force before, None if it is known no more; `look` reads for a menu,
    bounded in time; `voicemails` keeps what callers leave there."""

    ledger: Ledger
    running: Callable[[], Running]
    write: Write
    now: Callable[[], datetime]
    trunks_up: Callable[[], Collection[str]]
    is_log_read: Callable[[Session, datetime], bool] = lambda _session, _now: True
    earlier: Callable[[str], Running | None] = lambda _version: None
    look: Look = no_look
    voicemails: Voicemails | None = None
    on_the_air: OnTheAir = nothing_on

    def arrive(self, channel: Channel) -> None:
        """Arguments: caller, number called, trunk, QUEUE_PRIO, default queue, moment of arrival.

        Names the queue, then writes the record.
        """
        caller, number_called, trunk, prio, default_queue = (channel.argument(n) for n in range(1, 6))
        arrived_at = _moment(channel.argument(6)) or self.now()
        running = self.running()
        on_air, prompts = self.on_the_air(number_called, running, self.now())
        facts = self._facts(channel, running, caller, number_called, trunk, default_queue, on_air)
        in_line_of = _in_line_of(running, default_queue)
        walk = self._walk(channel, number_called, running, prompts, facts, in_line_of)
        if not walk.has_hung_up:
            self._send_on(channel, walk, default_queue, in_line_of)
        channel.let_go()
        data = {"caller": caller, "number_called": number_called, "trunk": trunk, "prio": prio}
        events = [_event(channel, EventKind.ARRIVED, arrived_at, data)]
        if walk.greeted_at is not None:
            events.append(_event(channel, EventKind.GREETED, walk.greeted_at))
        walk.broadcast = on_air.name if on_air else ""
        events.append(_event(channel, EventKind.MENU_WALKED, self.now(), _told(walk)))
        self.write(lambda session: self.ledger.hear(session, events, self.now()))

    def _facts(
        self,
        channel: Channel,
        running: Running,
        caller: str,
        number_called: str,
        trunk: str,
        default_queue: str,
        on_air: OnAir | None = None,
    ) -> LiveFacts:
        return LiveFacts(
            channel,
            running.number_of(caller, trunk),
            self.ledger.sealer.digest,
            default_queue,
            running.configuration,
            self.ledger.zone,
            self.now,
            self.look,
            on_air,
            number_called,
        )

    def _walk(
        self,
        channel: Channel,
        number_called: str,
        running: Running,
        prompts: PromptLibrary,
        facts: Facts,
        in_line_of: InLineOf,
    ) -> Walk:
        configuration = running.configuration
        number = configuration.lines.number(number_called)
        menu_name = number.menu if number else ""
        if (
            menu_name not in configuration.menus
        ):  # the number was taken out of the files while Asterisk still knew it
            _log.warning("call %s: no menu for %s, straight to the queue", channel.call_id, number_called)
            return Walk(configuration.version)
        needs = self._needs(configuration, prompts, facts, in_line_of)
        return walk_menu(channel, menu_name, needs)

    def _needs(
        self, configuration: Configuration, prompts: PromptLibrary, facts: Facts, in_line_of: InLineOf
    ) -> WalkNeeds:
        return WalkNeeds(
            configuration.menus,
            prompts,
            configuration.lines.site.language,
            self.now,
            configuration.version,
            facts,
            self.voicemails,
            in_line_of,
        )

    def _send_on(self, channel: Channel, walk: Walk, default_queue: str, in_line_of: InLineOf) -> None:
        try:
            if walk.is_ended:
                channel.set_variable(NEXT, HANG_UP)
            elif walk.line is not None:
                in_line_of(walk.line).write(channel)
            elif walk.transfer is None:  # else his ways stand on the channel already
                channel.set_variable(QUEUE, default_queue)
        except CallerHungUp:
            walk.has_hung_up = True

    def leave_queue(self, channel: Channel) -> None:
        """Arguments: QUEUESTATUS, queue, member. After a talk goodbye; whom nobody served goes on in the menu where it goes
        on there; else the dialplan says after the longest wait that it is sorry, and promises a call back to those who will
        get one, or leads the caller back into the line, at the old place."""
        status = channel.argument(1)
        if status in _IN_VAIN and self._lead_on(channel):
            return
        if status == "TIMEOUT":
            channel.set_variable(NEXT, SORRY)
        if status == "CONTINUE":
            channel.set_variable(NEXT, HANG_UP)
            running = self._begun_with(channel)
            play_prompts(channel, ("goodbye",), "", running.prompts, _spoken(channel, running))

    def _lead_on(self, channel: Channel) -> bool:
        """The walk goes on from the queue, in the set that the call began with. False: nothing goes on there, or that set
        is known no more and the one in force has no such queue."""
        then = channel.variable(THEN)
        if not then:
            return False
        channel.set_variable(NEXT, WALKING)
        running, walk = self._begun_with(channel), walked_so_far(channel.variable(WALKED))
        configuration = running.configuration
        walk.version = configuration.version  # another than before, where that is known no more
        stands = standing(configuration.menus, then, walk.path)
        if stands is None:
            _log.warning("call %s: nothing goes on behind the queue any more", channel.call_id)
            channel.set_variable(NEXT, "")
            return False
        number_called, default_queue = channel.variable(NUMBER_CALLED), channel.variable(DEFAULT_QUEUE)
        facts = self._facts(
            channel,
            running,
            channel.variable(CALLER),
            number_called,
            channel.variable(TRUNK),
            default_queue,
        )
        _, prompts = self.on_the_air(number_called, running, self.now())
        in_line_of = _in_line_of(running, default_queue)
        walk_on(channel, walk, stands, self._needs(configuration, prompts, facts, in_line_of))
        if not walk.has_hung_up:
            self._go_on(channel, walk, in_line_of)
        channel.let_go()
        now = self.now()
        told = _event(channel, EventKind.MENU_WALKED, now, _told(walk))
        told = replace(told, key=f"{told.key}:{now.timestamp()}")  # beside that of the walk before
        self.write(lambda session: self.ledger.hear(session, [told], self.now()))
        return True

    def _go_on(self, channel: Channel, walk: Walk, in_line_of: InLineOf) -> None:
        try:
            if walk.line is not None:
                in_line_of(walk.line).write(channel)
            channel.set_variable(NEXT, HANG_UP if walk.is_ended else LED_ON)
        except CallerHungUp:
            walk.has_hung_up = True

    def _begun_with(self, channel: Channel) -> Running:
        """What is said to a caller goes by the set that his call began with, whatever was published meanwhile. What is owed
        to him, and which ticket he gets, goes by the set in force."""
        running, version = self.running(), version_walked(channel.variable(WALKED))
        if version in ("", running.configuration.version):
            return running
        earlier = self.earlier(version)
        if earlier is None:
            _log.info("call %s: set %s is known no more, the one in force serves", channel.call_id, version)
        return earlier or running

    def end(self, channel: Channel) -> None:
        """Arguments: status, abandoned, member, cause, by, queue, caller, number called, trunk, QUEUE_PRIO,
        moment of arrival.

        The arrival comes along, so that the record is whole even if the first leg never ran. Both legs tell it in the
        same words, since they end at the same moment when a citizen hangs up in the greeting.
        """
        status, abandoned, agent, cause, by, queue, caller, number_called, trunk, prio = (
            channel.argument(n) for n in range(1, 11)
        )
        arrived_at = _moment(channel.argument(11)) or _born(channel.call_id) or self.now()
        channel.let_go()
        ended = {
            "status": status,
            "abandoned": abandoned,
            "agent": agent,
            "cause": cause,
            "by": by,
            "queue": queue,
        }
        arrived = {"caller": caller, "number_called": number_called, "trunk": trunk, "prio": prio}
        events = [
            _event(
                channel, EventKind.ENDED, self.now(), {key: value for key, value in ended.items() if value}
            ),
            _event(channel, EventKind.ARRIVED, arrived_at, arrived),
        ]
        self.write(lambda session: self.ledger.hear(session, events, self.now()))

    def accept_callback(self, channel: Channel) -> None:
        AcceptedCallbacks(
            self.ledger, self.running, self.write, self.now, self.trunks_up, self.is_log_read
        ).accept(channel)


def _spoken(channel: Channel, running: Running) -> Language:
    """To the caller: as he chose, where this set has words in it."""
    chosen = LANGUAGES.get(channel.language)
    if chosen is not None and (chosen, "goodbye") in running.prompts.paths:
        return chosen
    return running.configuration.lines.site.language


def _in_line_of(running: Running, default_queue: str) -> InLineOf:
    def of(step: ToQueue) -> InLine:
        return in_line(step, running.configuration.lines, default_queue)

    return of


def _told(walk: Walk) -> dict[str, str]:
    """The data of MENU_WALKED."""
    told = {"path": walk.path, "version": walk.version}
    named = (("queue", walk.queue), ("category", walk.category), ("broadcast", walk.broadcast))
    return told | {name: value for name, value in named if value}


def _event(channel: Channel, kind: EventKind, at: datetime, data: dict[str, str] | None = None) -> Event:
    return Event(channel.call_id, kind, EventSource.AGI, at, 0, data or {}, f"agi:{channel.call_id}:{kind}")


def _moment(text: str) -> datetime | None:
    """Seconds since 1970 with six digits behind the point, as the dialplan took them."""
    found = _EXACT_TIME.fullmatch(text)
    return datetime.fromtimestamp(int(found[1]), UTC).replace(microsecond=int(found[2])) if found else None


def _born(call_id: str) -> datetime | None:
    """Asterisk's unique ids hold the second in which the channel was made."""
    found = _TIME_IN_CALL_ID.search(call_id)
    return datetime.fromtimestamp(int(found[1]), UTC) if found else None
