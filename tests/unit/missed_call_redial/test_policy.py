"""When a missed call is rung back, decided from values alone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.lost_calls import POLICY, a_policy

from missed_call_redial.dial_results import AttemptOutcome
from missed_call_redial.policy import (
    CallbackPolicies,
    LostCall,
    RefusalReason,
    first_attempt_at,
    may_dial_now,
    next_attempt_at,
    out_of_quiet_hours,
    reason_to_refuse,
)
from tickets.outcome import Outcome
from vocabulary.phone_numbers import NumberKind, is_rung_back

SHANGHAI = ZoneInfo("Asia/Shanghai")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))


def at(local: str) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=SHANGHAI).astimezone(UTC)


def lost(outcome: Outcome = Outcome.QUEUE_ABANDON, **changes: object) -> LostCall:
    facts: dict[str, object] = {"number_kind": NumberKind.MOBILE, "wait_seconds": 20.0, "was_greeted": True}
    return LostCall(outcome, **(facts | changes))  # type: ignore[arg-type]


class TestWhoIsOwed:
    @pytest.mark.parametrize("outcome", [Outcome.IVR_ABANDON, Outcome.VOICEMAIL_NO_MESSAGE])
    def test_who_was_turned_away_and_hung_up_there_is_not_rung_back(self, outcome):
        policy = a_policy(kinds=["ivr_abandon", "voicemail_no_message"])
        assert reason_to_refuse(policy, lost(outcome, was_turned_away=True)) is RefusalReason.TURNED_AWAY
        assert reason_to_refuse(policy, lost(outcome)) is None

    def test_who_was_turned_away_and_asked_for_a_person_is_owed_as_anybody(self):
        asked_for_a_person = lost(Outcome.QUEUE_ABANDON, was_turned_away=True)
        assert reason_to_refuse(a_policy(), asked_for_a_person) is None

    @pytest.mark.parametrize("outcome", [kind for kind in Outcome if kind in POLICY["kinds"]])  # type: ignore[operator]
    def test_every_chosen_kind_from_an_ordinary_number(self, outcome: Outcome):
        assert reason_to_refuse(a_policy(), lost(outcome)) is None

    @pytest.mark.parametrize(
        ("kind", "reason"),
        [
            (NumberKind.WITHHELD, RefusalReason.WITHHELD_NUMBER),
            (NumberKind.SHORT, RefusalReason.SHORT_NUMBER),
            (NumberKind.SERVICE, RefusalReason.SERVICE_NUMBER),
            (NumberKind.EMERGENCY, RefusalReason.EMERGENCY_NUMBER),
            (NumberKind.PREMIUM, RefusalReason.PREMIUM_NUMBER),
            (NumberKind.FOREIGN, RefusalReason.FOREIGN_NUMBER),
            (NumberKind.INVALID, RefusalReason.INVALID_NUMBER),
        ],
    )
    def test_numbers_that_are_never_rung_back_have_a_reason_each(self, kind, reason):
        assert reason_to_refuse(a_policy(), lost(number_kind=kind)) is reason

    @pytest.mark.parametrize("kind", list(NumberKind))
    def test_the_vocabulary_agrees_on_which_numbers_are_rung_back(self, kind):
        assert (reason_to_refuse(a_policy(), lost(number_kind=kind)) is None) == is_rung_back(kind)

    @pytest.mark.parametrize("outcome", [Outcome.QUICK_HANGUP, Outcome.IVR_ABANDON])
    def test_a_kind_that_was_not_chosen(self, outcome):
        assert reason_to_refuse(a_policy(), lost(outcome)) is RefusalReason.KIND_NOT_CHOSEN

    @pytest.mark.parametrize("outcome", [Outcome.QUEUE_ABANDON, Outcome.RING_ABANDON])
    def test_who_gave_up_sooner_than_the_least_wait(self, outcome):
        assert reason_to_refuse(a_policy(), lost(outcome, wait_seconds=4.9)) is RefusalReason.WAITED_TOO_SHORT
        assert reason_to_refuse(a_policy(), lost(outcome, wait_seconds=5.0)) is None

    def test_an_unknown_wait_speaks_for_the_citizen(self):
        assert reason_to_refuse(a_policy(), lost(wait_seconds=None)) is None

    @pytest.mark.parametrize("outcome", [Outcome.QUEUE_FULL, Outcome.NO_AGENT, Outcome.SYSTEM_LOSS])
    def test_whom_the_line_turned_away_need_not_have_waited(self, outcome):
        assert reason_to_refuse(a_policy(), lost(outcome, wait_seconds=0.0)) is None

    def test_who_leaves_in_the_greeting_is_owed_nothing_even_if_the_kind_is_chosen(self):
        policy = a_policy(kinds=["ivr_abandon"])
        early, late = (
            lost(Outcome.IVR_ABANDON, was_greeted=greeted, wait_seconds=None) for greeted in (False, True)
        )
        assert reason_to_refuse(policy, early) is RefusalReason.LEFT_DURING_GREETING
        assert reason_to_refuse(policy, late) is None


class TestQuietHours:
    @pytest.mark.parametrize(
        ("local", "allowed"),
        [
            ("2026-03-01T21:29:59", True),
            ("2026-03-01T21:30:00", False),
            ("2026-03-01T23:59:59", False),
            ("2026-03-02T00:00:00", False),
            ("2026-03-02T07:59:59", False),
            ("2026-03-02T08:00:00", True),
        ],
    )
    def test_they_run_over_midnight_by_the_clock_of_the_place(self, local, allowed):
        assert may_dial_now(a_policy(), at(local), SHANGHAI) is allowed

    @pytest.mark.parametrize(("setting", "due"), [(True, "2026-03-01T23:01"), (False, "2026-03-02T08:00")])
    def test_an_emergency_has_none_unless_the_files_say_so(self, setting, due):
        policy, night = a_policy(critical_any_hour=setting), at("2026-03-01T23:00")
        assert may_dial_now(policy, night, SHANGHAI, is_critical=True) is setting
        assert not may_dial_now(policy, night, SHANGHAI)
        assert first_attempt_at(policy, night, SHANGHAI, is_critical=True) == at(due)
        assert first_attempt_at(policy, night, SHANGHAI) == at("2026-03-02T08:00")

    def test_hours_within_one_day(self):
        policy = a_policy(quiet_hours="12:00-14:00")
        assert not may_dial_now(policy, at("2026-03-01T12:00"), SHANGHAI)
        assert may_dial_now(policy, at("2026-03-01T14:00"), SHANGHAI)
        assert out_of_quiet_hours(policy, at("2026-03-01T13:10"), SHANGHAI) == at("2026-03-01T14:00")

    def test_none_means_any_hour(self):
        assert may_dial_now(a_policy(quiet_hours="none"), at("2026-03-01T03:00"), SHANGHAI)

    def test_until_midnight(self):
        policy = a_policy(quiet_hours="20:00-24:00")
        assert out_of_quiet_hours(policy, at("2026-03-01T21:00"), SHANGHAI) == at("2026-03-02T00:00")

    def test_evening_and_early_morning_both_wait_for_the_same_eight_o_clock(self):
        for local in ("2026-03-01T22:00", "2026-03-02T05:00"):
            assert out_of_quiet_hours(a_policy(), at(local), SHANGHAI) == at("2026-03-02T08:00")

    @given(MOMENTS, st.times(), st.times(), st.sampled_from(["Asia/Shanghai", "UTC", "America/New_York"]))
    def test_the_end_is_never_quiet_nor_earlier_nor_more_than_a_day_off(self, moment, start, end, zone_name):
        start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
        if start == end:
            return
        zone = ZoneInfo(zone_name)
        policy = a_policy(quiet_hours=f"{start:%H:%M}-{end:%H:%M}", deadline="3d")
        moved = out_of_quiet_hours(policy, moment, zone)
        assert moment <= moved < moment + timedelta(hours=26)
        if zone_name != "America/New_York":  # there an hour is missing in spring
            assert may_dial_now(policy, moved, zone)


class TestWhenTheNextTryIsDue:
    def test_the_first_comes_after_the_first_delay(self):
        missed = at("2026-03-01T10:00")
        assert first_attempt_at(a_policy(), missed, SHANGHAI) == missed + timedelta(seconds=60)

    def test_the_first_of_a_miss_at_night_comes_in_the_morning(self):
        assert first_attempt_at(a_policy(), at("2026-03-01T23:00"), SHANGHAI) == at("2026-03-02T08:00")

    @pytest.mark.parametrize(
        ("outcome", "gap"),
        [
            (AttemptOutcome.BUSY, timedelta(minutes=10)),
            (AttemptOutcome.NO_ANSWER, timedelta(minutes=30)),
            (AttemptOutcome.UNREACHABLE, timedelta(hours=1)),
            (AttemptOutcome.REFUSED, timedelta(hours=2)),
            (AttemptOutcome.DROPPED_BY_US, timedelta(minutes=1)),
            (AttemptOutcome.NO_TALK, timedelta(minutes=30)),
            (AttemptOutcome.UNKNOWN, timedelta(minutes=30)),
            (AttemptOutcome.INVALID_NUMBER, timedelta(hours=1)),
            (AttemptOutcome.AGENT_DECLINED, timedelta(minutes=2)),
            (AttemptOutcome.NOT_PLACED, timedelta(minutes=2)),
            (AttemptOutcome.NOT_DIALLED, timedelta(minutes=2)),
            (AttemptOutcome.TRUNK_FAULT, timedelta(minutes=2)),
        ],
    )
    def test_each_result_has_its_gap(self, outcome, gap):
        ended = at("2026-03-01T10:00")
        assert next_attempt_at(a_policy(), [outcome], ended, SHANGHAI) == ended + gap

    def test_a_gap_that_ends_in_quiet_hours_waits_for_the_morning(self):
        due = next_attempt_at(a_policy(), [AttemptOutcome.NO_ANSWER], at("2026-03-01T21:15"), SHANGHAI)
        assert due == at("2026-03-02T08:00")

    def test_trunk_faults_in_a_row_wait_longer_and_longer_up_to_the_longest_gap(self):
        ended = at("2026-03-01T09:00")
        gaps = [
            next_attempt_at(a_policy(), [AttemptOutcome.TRUNK_FAULT] * n, ended, SHANGHAI) - ended
            for n in range(1, 10)
        ]
        assert [gap.total_seconds() / 60 for gap in gaps] == [2, 4, 8, 16, 32, 64, 120, 120, 120]

    def test_only_the_last_row_of_trunk_faults_is_counted(self):
        ended = at("2026-03-01T09:00")
        outcomes = [AttemptOutcome.TRUNK_FAULT] * 5 + [AttemptOutcome.BUSY, AttemptOutcome.TRUNK_FAULT]
        assert next_attempt_at(a_policy(), outcomes, ended, SHANGHAI) == ended + timedelta(minutes=2)

    @given(st.lists(st.sampled_from(AttemptOutcome), min_size=1, max_size=40), MOMENTS)
    def test_never_at_once_and_never_in_quiet_hours(self, outcomes, ended):
        due = next_attempt_at(a_policy(), outcomes, ended, SHANGHAI)
        assert due >= ended + timedelta(seconds=10)
        assert may_dial_now(a_policy(), due, SHANGHAI)


def words_of(**changes: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        CallbackPolicies.model_validate(POLICY | changes)
    return [(".".join(str(part) for part in error["loc"]), error["msg"]) for error in caught.value.errors()]


class TestTheFile:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [("90s", 90), ("30m", 1800), ("2h", 7200), ("1d", 86400), (45, 45), ("45", 45)],
    )
    def test_lengths_as_people_write_them(self, written, seconds):
        assert a_policy(first_delay_seconds=written, deadline="9d").first_delay_seconds == seconds
        assert a_policy(share_window=written).share_window == timedelta(seconds=seconds)

    @pytest.mark.parametrize("written", ["", "soon", "1.5h", "-5m", -5, 1.5, True, None, "2 h", "２h", "1e9"])
    def test_what_is_no_length(self, written):
        assert words_of(share_window=written) == [
            (
                "share_window",
                f"not a length of time: {written}. "
                'Write seconds, or a number with a unit: "90s", "30m", "2h", "1d"',
            )
        ]

    def test_a_wrong_kind_is_answered_with_the_nearest(self):
        assert words_of(kinds=["queue_abandoned"]) == [
            ("kinds.0", 'no kind of lost call is called "queue_abandoned". Did you mean "queue_abandon"?')
        ]

    def test_a_kind_far_from_all_is_answered_with_the_list(self):
        ((_, words),) = words_of(kinds=["everything!"])
        assert words.startswith(
            'no kind of lost call is called "everything!". Choose from: ivr_abandon, voice'
        )

    def test_quick_hang_ups_are_never_owed(self):
        ((where, words),) = words_of(kinds=["quick_hangup"])
        assert where == "kinds.0"
        assert words.startswith("quick_hangup is counted, never rung back. Remove it")

    @pytest.mark.parametrize("kind", ["answered", "in_progress"])
    def test_calls_that_were_not_lost_cannot_be_owed(self, kind):
        assert words_of(kinds=[kind])[0][1].startswith(f'no kind of lost call is called "{kind}"')

    def test_a_kind_named_twice(self):
        assert words_of(kinds=["no_agent", "no_agent"]) == [
            ("", 'the kind "no_agent" is named twice. Remove one')
        ]

    @pytest.mark.parametrize(
        "written", ["21:30", "9:00-10:00", "25:00-08:00", "08:00-08:00", "00:00-24:00", 2130]
    )
    def test_quiet_hours_that_cannot_be_read(self, written):
        assert words_of(quiet_hours=written) == [
            (
                "quiet_hours",
                f"not a part of the day: {written}. "
                'Write it as "21:30-08:00" (24 hours, local time), or "none"',
            )
        ]

    def test_a_deadline_within_the_quiet_hours(self):
        assert words_of(deadline="10h") == [
            (
                "",
                "the deadline would pass within the quiet hours and the first delay, with nobody dialled. "
                "Write more than 37860s",
            )
        ]

    def test_a_gap_of_nothing(self):
        assert words_of(gaps={"default": "0s", "not_an_attempt": "2m"}) == [
            ("gaps", "the gap default would dial a citizen again at once. Write at least 10s")
        ]

    def test_a_length_out_of_range(self):
        assert words_of(ring_seconds="5m") == [
            ("ring_seconds", "300 seconds is out of range. Write between 10 and 120 seconds")
        ]

    def test_all_problems_at_once(self):
        assert {where for where, _ in words_of(kinds=["x"], callback_share=101, gap="1h", deadline="?")} == {
            "kinds.0",
            "callback_share",
            "gap",
            "deadline",
        }

    def test_what_is_read_can_be_written_and_read_again(self):
        policy = a_policy()
        assert CallbackPolicies.model_validate_json(policy.model_dump_json(exclude_none=True)) == policy
