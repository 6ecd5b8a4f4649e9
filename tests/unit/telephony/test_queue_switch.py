"""Asterisk's queues are brought to the database's seats by the fewest actions, and to nothing else."""

import asyncio
import logging
from typing import Any, cast

import pytest

from ivr.agents.switch import Seat
from ivr.telephony.ami import Action, Ami, AmiNotConnected, AmiReply
from ivr.telephony.ami_blocks import encode_action
from ivr.telephony.queue_switch import QueueSwitch, actions_for, differences
from ivr.telephony.sip_accounts import SipAccounts

QUEUES = ["general", "heating"]


def seat(
    pause: str | None = None,
    *,
    is_signed_in: bool = True,
    queues: tuple[tuple[str, int], ...] = (("general", 0),),
) -> Seat:
    return Seat("1001", queues, is_signed_in, pause)


def member(
    queue: str = "q-general", agent: str = "1001", penalty: str = "0", paused: str = "0", reason: str = ""
) -> dict[str, str]:
    return {
        "Event": "QueueMember",
        "Queue": queue,
        "Location": f"PJSIP/agent-{agent}",
        "Penalty": penalty,
        "Paused": paused,
        "PausedReason": reason,
    }


def words(actions: list) -> list[str]:
    return [f"{action['Action']} {action.get('Queue', '')}".strip() for action in actions]


def test_signing_in_adds_to_own_queues_and_takes_out_of_the_others() -> None:
    actions = actions_for(seat(), QUEUES)
    assert words(actions) == [
        "QueueRemove q-heating",
        "QueueAdd q-general",
        "QueuePenalty q-general",
        "QueuePause",
    ]
    assert actions[1]["Interface"] == "PJSIP/agent-1001"
    assert actions[1]["MemberName"] == "1001"


def test_signing_out_takes_out_of_every_queue() -> None:
    assert words(actions_for(seat(is_signed_in=False), QUEUES)) == [
        "QueueRemove q-general",
        "QueueRemove q-heating",
    ]


def test_a_pause_carries_its_reason() -> None:
    last = actions_for(seat("rest"), QUEUES)[-1]
    assert (last["Paused"], last["Reason"]) == ("true", "rest")


def test_nothing_is_sent_where_all_is_even() -> None:
    assert differences([member()], [seat()], QUEUES) == []
    assert differences([member(paused="1", reason="rest")], [seat("rest")], QUEUES) == []


def test_a_forgotten_member_comes_back_paused_as_he_was() -> None:
    actions = differences([], [seat("rest")], QUEUES)
    assert words(actions) == ["QueueAdd q-general", "QueuePause"]
    assert actions[0]["Paused"] == "true"


def test_who_signed_out_while_we_were_away_is_taken_out() -> None:
    assert words(differences([member(), member("q-heating")], [seat(is_signed_in=False)], QUEUES)) == [
        "QueueRemove q-general",
        "QueueRemove q-heating",
    ]


def test_a_pause_that_asterisk_lost_or_kept_too_long_is_put_right() -> None:
    assert words(differences([member()], [seat("rest")], QUEUES)) == ["QueuePause"]
    undone = differences([member(paused="1", reason="wrap_up")], [seat()], QUEUES)
    assert [(action["Action"], action["Paused"]) for action in undone] == [("QueuePause", "false")]


def test_a_changed_penalty_is_said() -> None:
    assert words(differences([member(penalty="3")], [seat()], QUEUES)) == ["QueuePenalty q-general"]


def test_members_that_are_no_agents_of_ours_are_left_alone() -> None:
    stranger = member() | {"Location": "PJSIP/lobby"}
    assert differences([stranger], [], QUEUES) == []


GONE_TOO = (("gone", 0), ("general", 0))


def test_a_queue_that_is_not_configured_any_more_is_passed_over() -> None:
    actions = actions_for(seat(queues=GONE_TOO), QUEUES)
    assert "q-gone" not in str(actions)
    assert "QueueAdd q-general" in words(actions)
    assert words(differences([], [seat(queues=GONE_TOO)], QUEUES)) == ["QueueAdd q-general", "QueuePause"]


def test_the_callers_left_in_such_a_queue_keep_their_agents_until_these_sign_out() -> None:
    standing = [member(), member("q-gone")]
    assert differences(standing, [seat(queues=GONE_TOO)], QUEUES) == []
    signed_out = seat(is_signed_in=False, queues=GONE_TOO)
    assert words(differences(standing, [signed_out], QUEUES)) == [
        "QueueRemove q-general",
        "QueueRemove q-gone",
    ]


class OneManager:
    """Answers QueueStatus with no members, refuses what concerns `refused`, and is lost at `lost`."""

    def __init__(self, refused: str = "", lost: str = "") -> None:
        self.refused, self.lost = refused, lost
        self.done: list[str] = []

    async def send(self, action: Action, timeout: float | None = None) -> AmiReply:
        if action["Action"] == self.lost:
            raise AmiNotConnected("lost")
        if self.refused and action.get("Queue") == self.refused:
            return AmiReply(False, "Unable to add interface to queue: No such queue", {})
        self.done.append(" ".join(words([action])))
        return AmiReply(True, "", {})

    def switch(self) -> QueueSwitch:
        return QueueSwitch(cast(Ami, self), cast(SipAccounts, cast(Any, None)))


def test_a_refused_change_is_logged_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    manager = OneManager(refused="q-general")
    seats = [seat(queues=(("general", 0), ("heating", 0)))]
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(manager.switch().resynchronise(lambda: seats, QUEUES)) == 2
    assert manager.done == ["QueueStatus", "QueueAdd q-heating", "QueuePause"]
    assert "No such queue" in caplog.text


def test_a_pause_reason_that_cannot_be_sent_keeps_nobody_else_back() -> None:
    class Strict(OneManager):
        async def send(self, action: Action, timeout: float | None = None) -> AmiReply:
            encode_action(action)
            return await super().send(action, timeout)

    manager = Strict()
    seats = [seat("a\r\nb"), Seat("1002", (("general", 0),), True, None)]
    assert asyncio.run(manager.switch().resynchronise(lambda: seats, QUEUES)) == 3
    assert manager.done[-1] == "QueuePause"


class Answers:
    """A manager connection that notes what is sent from a thread, and has one answer for everything."""

    def __init__(self, reply: AmiReply) -> None:
        self.reply = reply
        self.sent: list[Action] = []

    def send_from_thread(self, action: Action) -> AmiReply:
        self.sent.append(action)
        return self.reply

    async def send(self, action: Action, timeout: float = 5) -> AmiReply:
        return self.send_from_thread(action)


def test_a_wrap_up_is_one_action() -> None:
    for reply in (AmiReply(True, "", {}), AmiReply(False, "Interface not found", {})):
        ami = Answers(reply)
        QueueSwitch(cast(Ami, ami), cast(SipAccounts, None)).pause(seat("wrap_up"))
        assert words(ami.sent) == ["QueuePause"]
        assert (ami.sent[0]["Paused"], ami.sent[0]["Reason"]) == ("true", "wrap_up")


def test_a_call_lives_while_any_channel_of_it_does() -> None:
    entries = ({"Uniqueid": "hl1-1.1", "Linkedid": "hl1-1.1"}, {"Uniqueid": "hl1-1.9", "Linkedid": "hl1-1.2"})
    for reply, living in (
        (AmiReply(True, "", {}, entries), {"hl1-1.1", "hl1-1.2", "hl1-1.9"}),
        (AmiReply(False, "Permission denied", {}), None),
    ):
        switch = QueueSwitch(cast(Ami, Answers(reply)), cast(SipAccounts, None))
        assert asyncio.run(switch.living_channels()) == living


def test_a_lost_connection_is_raised() -> None:
    manager = OneManager(lost="QueuePause")
    with pytest.raises(AmiNotConnected):
        asyncio.run(manager.switch().resynchronise(lambda: [seat()], QUEUES))


class Pausing:
    """A queue with one member, who pauses by the API in the middle of a resynchronisation: database first, then the queue.

    `at`: the action that he is quicker than ("QueueStatus", "QueuePenalty"), or "reading": right after his seat was read.
    """

    def __init__(self, at: str) -> None:
        self.at = at
        self.seat = seat(queues=(("general", 3),))  # the penalty differs, so there is something to do
        self.paused = False
        self.pauses: list[bool] = []

    def pauses_now(self, at: str) -> None:
        if at == self.at:
            self.at = ""
            self.seat = seat("meal", queues=(("general", 3),))
            self.paused = True

    def read(self) -> list[Seat]:
        found = [self.seat]
        self.pauses_now("reading")
        return found

    async def send(self, action: Action, timeout: float | None = None) -> AmiReply:
        name = str(action["Action"])
        self.pauses_now(name)
        if name == "QueuePause":
            self.paused = action["Paused"] == "true"
            self.pauses.append(self.paused)
        if name != "QueueStatus":
            return AmiReply(True, "", {})
        standing = member(paused="1" if self.paused else "0", reason="meal" if self.paused else "")
        return AmiReply(True, "", {}, (standing,))


@pytest.mark.parametrize("at", ["QueueStatus", "reading", "QueuePenalty"])
def test_a_pause_in_the_middle_is_never_undone(at: str) -> None:
    pausing = Pausing(at)
    switch = QueueSwitch(cast(Ami, pausing), cast(SipAccounts, cast(Any, None)))
    asyncio.run(switch.resynchronise(pausing.read, QUEUES))
    assert pausing.paused
    assert False not in pausing.pauses, "for a moment his phone could have rung"


def test_a_pause_that_an_older_answer_undoes_is_brought_about_again() -> None:
    """He was paused, resumes, and pauses again just before the action that his resuming led to is sent."""

    class Resumed(Pausing):
        def __init__(self) -> None:
            super().__init__("QueuePause")
            self.paused = True

    resumed = Resumed()
    switch = QueueSwitch(cast(Ami, resumed), cast(SipAccounts, cast(Any, None)))
    asyncio.run(switch.resynchronise(resumed.read, QUEUES))
    assert resumed.pauses == [False, True]
