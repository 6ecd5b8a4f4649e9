"""`hotline call NUMBER`: a citizen's call placed from inside Asterisk, and what becomes of it.

The call takes the same way as one from a trunk: dialplan, menu, queue, record, ticket, callback.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Final

from sqlmodel import Session

from hotline import as_found
from hotline.database import Database
from hotline.settings import Settings
from ivr.config_files.published import load_published
from ivr.config_files.running import Running
from ivr.lines import Lines
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.ami import Ami
from ivr.telephony.ami_blocks import Block
from missed_call_redial.callbacks import Callback, CallbackCall, CallbackRefusal
from tickets.call_records import CallRecord, is_settled
from tickets.outcome import LOST, Outcome
from tickets.tickets import of_call
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import TEST_SECONDS, TEST_TRUNK
from vocabulary.phone_numbers import NumberKind

CALLER: Final = "13800138000"
_LOOK_EVERY_SECONDS: Final = 0.1
_FIRST_SIGN_SECONDS: Final = 10
_AFTER_THE_END_SECONDS: Final = 15
_LONGEST_GREETING_SECONDS: Final = 120
_WAITS: Final = "waits in queue"
_ANSWERED: Final = "agent answered"


class CannotCall(HotlineError):
    """The test call was not placed; the text says why and what to do."""


class CallWasLost(HotlineError):
    """Asterisk took the order, but the hotline's record of the call did not come or did not end."""


@dataclass(frozen=True)
class PlannedCall:
    """`wait`: seconds in the queue after which the citizen gives up; `seconds`: how long a talk lasts."""

    number: str
    caller: str
    wait: int
    seconds: int
    trunk: str
    name: str

    # Asterisk compares ids by their beginning: neither may be the beginning of the other
    @property
    def citizen_id(self) -> str:
        return f"{self.name}-1"

    @property
    def call_id(self) -> str:
        return f"{self.name}-2"

    @property
    def longest_seconds(self) -> int:
        """The citizen's half ends by itself after so long, whatever became of us."""
        return _LONGEST_GREETING_SECONDS + self.wait + self.seconds


def plan_call(
    settings: Settings, number: str, *, caller: str | None, wait: int, seconds: int, now: datetime
) -> PlannedCall:
    """Raises CannotCall for everything that can be known before dialling."""
    configuration = load_published(settings.home_dir)
    if configuration is None or not as_found.server_processes(settings, now):
        raise CannotCall("the hotline does not run here: start it with `hotline up`, or set HOTLINE_HOME")
    lines = configuration.lines
    if lines.number(number) is None:
        listed = ", ".join(one.number for one in lines.numbers[:10])
        raise CannotCall(f"{number} is not a number of this hotline; config/hotline.yaml lists: {listed}")
    trunk = next((one.name for one in lines.trunks if one.is_test), None)
    if trunk is None:
        raise CannotCall(
            "no trunk in config/hotline.yaml has is_test: true; without one no test call can be placed"
        )
    running = Running(configuration, PromptLibrary({}, {}), False)
    name = f"{settings.system_name}-test-{secrets.token_hex(6)}"
    who = _caller(running, lines, caller, trunk)
    return PlannedCall(number, who, wait, seconds, trunk, name)


def _caller(running: Running, lines: Lines, caller: str | None, test_trunk: str) -> str:
    """A lost test call is owed a callback like any other, so nobody's telephone may be named by default.

    Beside a real trunk, whatever that may dial now: the debt may be paid after its plans were widened.
    """
    if running.number_of(caller or CALLER, test_trunk).kind is NumberKind.INVALID:
        raise CannotCall(f"{caller} is not a telephone number")
    real = next((trunk for trunk in lines.trunks if not trunk.is_test), None)
    if caller is None and real is not None:
        raise CannotCall(
            f"this hotline has a real trunk, {real.name}: a test call that is lost could ring back a stranger. "
            "Say whose number it may ring: --caller NUMBER"
        )
    return caller or CALLER


async def place(settings: Settings, call: PlannedCall, say: Callable[[str], None]) -> Outcome:
    """Places the call and tells each stage; returns when its record is settled. Cancelled, it hangs up.

    Raises CannotCall, CallWasLost.
    """
    kept = as_found.secrets_found(settings)
    if kept is None:
        raise CannotCall("there is no secrets.json; start the hotline once with `hotline up`")
    ami = Ami(
        host=settings.asterisk_bind,
        port=settings.ami_port,
        username=settings.ami_user,
        secret=kept.ami_secret,
        on_event=_ignore,
        wanted=(),
        loss_level=logging.DEBUG,  # the person at the terminal is told once, by CannotCall
    )
    await ami.start()
    try:
        await _originate(ami, call)
        with as_found.database_found(settings) as database:
            return await _Follower(database, ami, call, settings.zone, say).follow()
    finally:
        await ami.stop()


async def _originate(ami: Ami, call: PlannedCall) -> None:
    if not await ami.wait_connected(5):
        raise CannotCall(
            f"Asterisk's manager interface does not let us in: {ami.trouble}. See `hotline doctor`"
        )
    reply = await ami.send(_order(call))
    if not reply.is_success:
        raise CannotCall(f"Asterisk did not place the call: {reply.message}")


def _order(call: PlannedCall) -> dict[str, str | list[str]]:
    return {
        "Action": "Originate",
        "Channel": f"Local/{call.number}@test-call/n",
        "ChannelId": call.citizen_id,
        "OtherChannelId": call.call_id,
        "Context": "test-citizen",
        "Exten": "s",
        "Priority": "1",
        "Timeout": "30000",
        "Async": "true",
        "CallerID": f"<{call.caller}>",
        "Variable": [f"__{TEST_TRUNK}={call.trunk}", f"__{TEST_SECONDS}={call.longest_seconds}"],
    }


async def _ignore(_event: Block) -> None:
    return


@dataclass
class _Follower:
    """Says each stage once, when the record first shows it, and hangs up when the citizen has had enough."""

    database: Database
    ami: Ami
    call: PlannedCall
    zone: tzinfo
    say: Callable[[str], None]
    started: float = field(default_factory=time.monotonic)
    told: dict[str, float] = field(default_factory=dict)
    is_hung_up: bool = False

    async def follow(self) -> Outcome:
        try:
            while True:
                stages, outcome = await asyncio.to_thread(self._look)
                for stage in stages:
                    self._tell(stage)
                if outcome is not None:
                    self.is_hung_up = True
                    return outcome
                self._check_patience()
                if self._has_had_enough():
                    await self._hang_up()
                await asyncio.sleep(_LOOK_EVERY_SECONDS)
        finally:
            if not self.is_hung_up:
                await self._hang_up()

    def _look(self) -> tuple[list[str], Outcome | None]:
        with self.database.reading() as session:
            record = session.get(CallRecord, self.call.call_id)
            if record is None:
                return [], None
            stages = list(_stages(record))
            if record.is_open or not is_settled(record):
                return stages, None
            return stages + list(_results(session, record, self.zone)), Outcome(record.outcome)

    def _passed(self) -> float:
        return time.monotonic() - self.started

    def _tell(self, stage: str) -> None:
        if stage not in self.told:
            self.told[stage] = self._passed()
            self.say(f"{self._passed():6.1f} s  {stage}")

    def _since(self, words: str) -> float:
        """Seconds since a stage that begins so was told; 0 before it."""
        at = next((at for stage, at in self.told.items() if stage.startswith(words)), None)
        return 0.0 if at is None else self._passed() - at

    def _has_had_enough(self) -> bool:
        answered = self._since(_ANSWERED)
        if answered:
            return answered >= self.call.seconds
        return self._since(_WAITS) >= self.call.wait

    async def _hang_up(self) -> None:
        """The citizen's half; that it is gone already is no fault."""
        if not self.is_hung_up:
            self.is_hung_up = True
            await self.ami.send({"Action": "Hangup", "Channel": self.call.citizen_id, "Cause": "16"})

    def _check_patience(self) -> None:
        if not self.told and self._passed() > _FIRST_SIGN_SECONDS:
            raise CallWasLost(
                f"no record of call {self.call.call_id} after {_FIRST_SIGN_SECONDS} s; see `hotline doctor`"
            )
        if self._passed() > self.call.longest_seconds + _AFTER_THE_END_SECONDS:
            raise CallWasLost(f"the record of call {self.call.call_id} is still open; see `hotline doctor`")


def _stages(record: CallRecord) -> Iterator[str]:
    if record.number_called:
        yield f"arrived at {record.number_called} from {record.number_masked}, call {record.call_id}"
    if record.greeted_at:
        yield "greeted"
    if record.queued_at:
        yield f"{_WAITS} {record.queue}"
    if record.first_ring_at:
        yield "an agent's phone rings"
    if record.answered_at:
        yield f"{_ANSWERED}: {record.agent_no}"
    if record.ended_at and not record.is_open:
        if not record.answered_at:
            yield "nobody answered"
        talked = f", {record.talk_seconds:.0f} s of talk" if record.talk_seconds else ""
        yield f"ended: {record.outcome}{talked}"


def _results(session: Session, record: CallRecord, zone: tzinfo) -> Iterator[str]:
    """What the rules and the policy made of it."""
    tickets = of_call(session, record.call_id)
    for ticket, relation in tickets:
        name = f"ticket {ticket.ticket_no or ticket.id} {relation}"
        yield f"{name}: {ticket.state}, {ticket.title} (rule {ticket.rule})"
    if not tickets:
        yield f"no ticket; disposition: {record.disposition or 'none'}"
    if Outcome(record.outcome) in LOST:
        yield _debt(session, record, zone)


def _debt(session: Session, record: CallRecord, zone: tzinfo) -> str:
    owed = session.get(CallbackCall, record.call_id)
    if owed is not None:
        callback = session.get_one(Callback, owed.callback_id)
        due = (
            f", due {callback.due_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
            if callback.closing_code is None
            else ""
        )
        state = callback.closing_code or callback.state
        return f"callback {callback.id} to {callback.number_masked}: {state}{due}"
    refusal = session.get(CallbackRefusal, record.call_id)
    return f"no callback: {refusal.reason}" if refusal else "no callback, and no reason stated"
