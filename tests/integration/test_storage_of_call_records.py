"""Whatever is heard of a call, in whatever order and however often: the row says the same."""

import random
from dataclasses import replace
from typing import Any

from sqlalchemy import func, select
from support.call_stories import START, STORIES, Story, Teller

from hotline.database import Database
from tickets.call_events import Event, EventKind, append
from tickets.call_records import CallRecord, is_settled, refresh, rewrite, settlement_of
from tickets.outcome import Outcome, fold
from tickets.sealing import Sealer
from vocabulary.phone_numbers import PhoneNumber, normalise

SEALER = Sealer({"k1": b"s" * 32}, "k1", b"d" * 32)


def normaliser(raw: str, _trunk: str | None) -> PhoneNumber:
    return normalise(raw, area_code="0351")


HOW: dict[str, Any] = {"sealer": SEALER, "normaliser": normaliser, "quick_hangup_seconds": 5}


def hear(database: Database, events: list[Event], *, together: int = 1) -> CallRecord:
    """Appends and refreshes as the legs and the listener do; gives the record as it is at the end."""
    record = None
    for place in range(0, len(events), together):
        with database.writing() as session:
            for call_id in append(session, events[place : place + together]):
                record = refresh(session, call_id, **HOW)
    assert record is not None
    return record


def facts(record: CallRecord) -> dict[str, object]:
    kept = record.model_dump(exclude={"number_sealed", "created_at"})
    return kept | {"number": SEALER.open(record.number_sealed) if record.number_sealed else None}


def as_call(story: Story, call_id: str) -> list[Event]:
    return [replace(event, call_id=call_id, key=f"{call_id}-{event.key}") for event in story.events]


def test_order_and_repetition_leave_the_same_row(database: Database):
    for story in STORIES:
        shuffled = random.Random(story.name)
        rows = []
        for attempt in range(3):
            events = as_call(story, f"{attempt}-{story.name}")
            if attempt:
                events += shuffled.choices(events, k=3)
                shuffled.shuffle(events)
            rows.append(facts(hear(database, events, together=attempt + 1)) | {"call_id": ""})
        assert rows[0] == rows[1] == rows[2], story.name
        assert rows[0]["outcome"] == story.outcome, story.name
        assert rows[0]["number"] == "+8613800138000"
        assert rows[0]["number_masked"] == "138****8000"


def test_a_refresh_says_what_the_fold_says_and_keeps_what_others_wrote(database: Database):
    story = next(story for story in STORIES if story.name == "answered")
    first = hear(database, list(story.events[:4]))
    assert first.is_open
    with database.writing() as session:
        record = session.get_one(CallRecord, first.call_id)
        record.disposition, record.settled_as = "consulted", "earlier"
    last = hear(database, list(story.events[4:]))
    told = fold(story.events, quick_hangup_seconds=5)
    assert (last.answered_at, last.talk_seconds, last.prio) == (
        told.answered_at,
        told.talk_seconds,
        told.prio,
    )
    assert (last.disposition, last.settled_as, last.is_open) == ("consulted", "earlier", False)
    assert (last.number_sealed, last.created_at) == (first.number_sealed, first.created_at)
    assert not is_settled(last)


def test_the_record_is_attached_so_that_what_is_set_is_kept(database: Database):
    told = Teller().arrives().ends(30).events
    with database.writing() as session:
        append(session, told)
        record = refresh(
            session, told[0].call_id, sealer=SEALER, normaliser=normaliser, quick_hangup_seconds=5
        )
        assert record is not None
        record.settled_as = settlement_of(record)
        again = refresh(
            session, told[0].call_id, sealer=SEALER, normaliser=normaliser, quick_hangup_seconds=5
        )
        assert again is record
        assert is_settled(record)
    with database.reading() as session:
        kept = session.get_one(CallRecord, told[0].call_id)
        assert kept.outcome == Outcome.IVR_ABANDON
        assert is_settled(kept), "also as it was read back"


def test_a_callbacks_own_channel_and_an_unknown_call_make_no_record(database: Database):
    told = Teller("cb-a0123456789ab-1").log(0, EventKind.QUEUED, queue="general").events
    with database.writing() as session:
        append(session, told)
        for call_id in ("cb-a0123456789ab-1", "never-heard-of"):
            assert refresh(session, call_id, **HOW) is None
            assert not rewrite(session, call_id, **HOW)
        assert session.execute(select(func.count()).select_from(CallRecord)).scalar_one() == 0


def test_a_withheld_number_leaves_nothing_to_find_or_open(database: Database):
    told = Teller().agi(0, EventKind.ARRIVED, caller="anonymous", number_called="12345").events
    record = hear(database, told)
    assert (record.number_kind, record.number_masked) == ("withheld", "withheld")
    assert (record.number_digest, record.number_sealed) == (None, None)


def test_rewrite_leaves_the_row_that_refresh_would(database: Database):
    told = Teller().arrives().queues(3.5).connects(8, "1001").events
    with database.writing() as session:
        append(session, told)
        assert rewrite(session, told[0].call_id, **HOW)
    with database.reading() as session:
        record = session.get_one(CallRecord, told[0].call_id)
    assert (record.agent_no, record.outcome, record.is_open) == ("1001", "in_progress", True)
    assert record.arrived_at > START
