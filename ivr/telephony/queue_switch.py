"""Brings Asterisk's queues to what the database decided about agents: members, penalties, pauses with their reason.

Implements ivr.agents.switch.Switch. Asterisk's own memory of members is never believed over ours.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ivr.agents.switch import Seat, SwitchNotReached
from ivr.telephony.ami import Action, Ami, AmiReply
from ivr.telephony.ami_blocks import Block, UnsafeAmiText
from ivr.telephony.sip_accounts import AsteriskRefused, SipAccounts, endpoint_name
from vocabulary.errors import HotlineError
from vocabulary.hotline_names import AGENT_PREFIX, QUEUE_PREFIX

_log = logging.getLogger(__name__)
_MOST_COMPARISONS: Final = 5
# Asterisk's words when there was nothing to do
_ALREADY = ("Already there", "Not there", "not found", "No such interface", "Interface not found")


def interface_of(agent_no: str) -> str:
    return f"PJSIP/{endpoint_name(agent_no)}"


def agent_of(interface: str) -> str | None:
    """The agent whose phone this is: PJSIP/agent-1001 → 1001."""
    start = f"PJSIP/{AGENT_PREFIX}"
    return interface.removeprefix(start) if interface.startswith(start) else None


class AccountsOnly:
    """The switch of a process that holds no manager connection (the CLI): SIP accounts by ARI, no queues.

    Queue seats are brought about by the worker's next resynchronisation or by the API.
    """

    def __init__(self, accounts: SipAccounts) -> None:
        self._accounts = accounts

    def bring(self, seat: Seat, all_queues: Sequence[str]) -> None:
        raise SwitchNotReached("this process has no connection to Asterisk's queues")

    def pause(self, seat: Seat) -> None:
        self.bring(seat, ())

    def put_account(self, agent_no: str, name: str, secret: str) -> None:
        try:
            self._accounts.put(agent_no, name, secret)
        except AsteriskRefused as fault:
            raise SwitchNotReached(str(fault)) from fault

    def remove_account(self, agent_no: str) -> None:
        try:
            self._accounts.remove(agent_no)
        except AsteriskRefused as fault:
            raise SwitchNotReached(str(fault)) from fault


class QueueSwitch(AccountsOnly):
    """Thread-safe: actions run in the manager connection's own loop."""

    def __init__(self, ami: Ami, accounts: SipAccounts) -> None:
        super().__init__(accounts)
        self._ami = ami

    def bring(self, seat: Seat, all_queues: Sequence[str]) -> None:
        """Whatever Asterisk has now; what is so already changes nothing."""
        for action in actions_for(seat, all_queues):
            self._send(action)

    def pause(self, seat: Seat) -> None:
        """One action. Who stands in no queue has nothing to be paused in, and the resynchronisation sees to the rest."""
        self._send(_pause(seat))

    def _send(self, action: Action) -> None:
        try:
            reply = self._ami.send_from_thread(action)
        except HotlineError as fault:
            raise SwitchNotReached(str(fault)) from fault
        _check(action, reply)

    async def living_channels(self) -> set[str] | None:
        """The ids of all channels, and of the calls to which they belong. None: Asterisk was not reached."""
        try:
            reply = (await self._ami.send({"Action": "CoreShowChannels"}, timeout=15)).required()
        except HotlineError:
            return None
        return {event.get(name, "") for event in reply.events for name in ("Uniqueid", "Linkedid")}

    async def resynchronise(self, read_seats: Callable[[], Sequence[Seat]], all_queues: Sequence[str]) -> int:
        """Only what differs is sent. Returns the number of changes. Raises AmiFault when Asterisk cannot be asked;

        a change that it refuses is logged and keeps none of the others back. `read_seats` runs in a thread.

        Agents change their state meanwhile: database first, then Asterisk. So the seats are read after Asterisk's answer,
        which cannot be newer than they are; and again when all was sent, for an action of ours may have overtaken theirs.
        """
        changes = 0
        for _ in range(_MOST_COMPARISONS):
            status = (
                await self._ami.send({"Action": "QueueStatus"}, timeout=30)
            ).required()  # refused while app_queue loads
            seats = await asyncio.to_thread(read_seats)
            actions = differences(status.events, seats, all_queues)
            changes += await self._send_all(actions)
            if not actions or await asyncio.to_thread(read_seats) == seats:
                break
        return changes

    async def _send_all(self, actions: Sequence[Action]) -> int:
        """How many were carried out."""
        changes = 0
        for action in actions:
            try:
                _check(action, await self._ami.send(action))
                changes += 1
            except (SwitchNotReached, UnsafeAmiText) as fault:
                _log.warning("left as it is, the others go on: %s", fault)
        return changes


def _check(action: Action, reply: AmiReply) -> None:
    if not reply.is_success and not any(word in reply.message for word in _ALREADY):
        raise SwitchNotReached(f"{action['Action']} for {action.get('Interface')}: {reply.message}")


def actions_for(seat: Seat, all_queues: Sequence[str]) -> list[Action]:
    """What brings one agent's seat about, from any state. Queues that are not configured any more are passed over."""
    wanted = {queue: penalty for queue, penalty in seat.queues if seat.is_signed_in and queue in all_queues}
    actions: list[Action] = [_remove(seat.agent_no, queue) for queue in all_queues if queue not in wanted]
    for queue, penalty in wanted.items():
        actions.append(_add(seat, queue, penalty))
        actions.append(_penalty(seat.agent_no, queue, penalty))
    if wanted:
        actions.append(_pause(seat))
    return actions


def differences(entries: Iterable[Block], seats: Sequence[Seat], all_queues: Sequence[str]) -> list[Action]:
    """`entries`: events of QueueStatus. Members that are no agents of ours are left alone.

    Nobody is added to a queue that is not configured any more; who still serves it in Asterisk goes on while signed in,
    for the callers left in it.
    """
    standing: dict[tuple[str, str], Block] = {}
    for entry in entries:
        agent_no = agent_of(entry.get("Location", "")) if entry.get("Event") == "QueueMember" else None
        if agent_no is not None:
            standing[agent_no, entry.get("Queue", "").removeprefix(QUEUE_PREFIX)] = entry
    actions: list[Action] = []
    wanted = {
        (seat.agent_no, queue): (seat, penalty)
        for seat in seats
        if seat.is_signed_in
        for queue, penalty in seat.queues
    }
    actions += [
        _remove(agent_no, queue) for agent_no, queue in sorted(standing) if (agent_no, queue) not in wanted
    ]
    uneven: dict[str, Seat] = {}
    for (agent_no, queue), (seat, penalty) in wanted.items():
        member = standing.get((agent_no, queue))
        if member is None and queue not in all_queues:
            continue
        if member is None:
            actions.append(_add(seat, queue, penalty))
        elif member.get("Penalty") != str(penalty):
            actions.append(_penalty(agent_no, queue, penalty))
        if member is None or _pause_in(member) != seat.pause_reason:
            uneven[agent_no] = seat
    return actions + [_pause(seat) for seat in uneven.values()]


def _pause_in(member: Block) -> str | None:
    return member.get("PausedReason", "") if member.get("Paused") == "1" else None


def _add(seat: Seat, queue: str, penalty: int) -> Action:
    interface = interface_of(seat.agent_no)
    return {
        "Action": "QueueAdd",
        "Queue": QUEUE_PREFIX + queue,
        "Interface": interface,
        "StateInterface": interface,
        "MemberName": seat.agent_no,
        "Penalty": str(penalty),
        "Paused": "true" if seat.pause_reason else "false",
    }


def _remove(agent_no: str, queue: str) -> Action:
    return {"Action": "QueueRemove", "Queue": QUEUE_PREFIX + queue, "Interface": interface_of(agent_no)}


def _penalty(agent_no: str, queue: str, penalty: int) -> Action:
    return {
        "Action": "QueuePenalty",
        "Queue": QUEUE_PREFIX + queue,
        "Interface": interface_of(agent_no),
        "Penalty": str(penalty),
    }


def _pause(seat: Seat) -> Action:
    return {
        "Action": "QueuePause",
        "Interface": interface_of(seat.agent_no),
        "Paused": "true" if seat.pause_reason else "false",
        "Reason": seat.pause_reason or "",
    }
