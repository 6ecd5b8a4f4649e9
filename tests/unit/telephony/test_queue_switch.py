"""Asterisk's queues are brought to the database's seats by the fewest actions, and to nothing else."""

from ivr.agents.switch import Seat
from ivr.telephony.queue_switch import actions_for, differences

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
