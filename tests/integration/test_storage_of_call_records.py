"""Whatever is heard of a call, in whatever order and however often: the row says the same."""

import random
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import func, select
from support.call_stories import STORIES
from support.call_teller import Story, Teller

from hotline.database import Database
from tickets.call_events import Event, EventKind, append
from tickets.call_records import CallRecord, is_settled, is_ticket_settled, keep_settlement, refresh
from tickets.outcome import fold
from tickets.sealing import Sealer
from vocabulary.phone_numbers import PhoneNumber, normalise

SEALER = Sealer({"k1": b"s" * 32}, "k1", b"d" * 32)


def normaliser(raw: str, _trunk: str | None) -> PhoneNumber:
    return normalise(raw, area_code="0351")


HOW: dict[str, Any] = {"sealer": SEALER, "normaliser": normaliser, "quick_hangup_seconds": 5}


def hear(database: Database, events: list[Event], *, together: int = 1) -> CallRecord:
    """Appends and refreshes as the legs and the listener do; gives the record as it is at the end."""
    for place in range(0, len(events), together):
        with database.writing() as session:
            for call_id in append(session, events[place : place + together]):
                assert refresh(session, call_id, **HOW) is not None
    with database.reading() as session:
        return session.get_one(CallRecord, events[0].call_id)


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


def test_what_refresh_tells_is_what_stands_there_and_a_settlement_is_kept(database: Database):
    told = Teller().arrives().queues(3.5).connects(8, "1001").completes(40, "1001", 32).ends(40).events
    with database.writing() as session:
        append(session, told)
        record = refresh(session, told[0].call_id, **HOW)
        assert record is not None
        assert not is_settled(record)
        keep_settlement(session, record)
        again = refresh(session, told[0].call_id, **HOW)
        assert again is not None
        assert is_settled(again)
    with database.reading() as session:
        kept = session.get_one(CallRecord, told[0].call_id)
        assert {name: getattr(kept, name) for name in asdict(again)} == asdict(again)
        assert is_settled(kept), "also as it was read back"


def test_the_end_of_a_talk_leaves_the_ticket_settled_and_not_the_debt(database: Database):
    talking = Teller().arrives().queues(3.5).connects(8, "1001")
    with database.writing() as session:
        append(session, talking.events)
        record = refresh(session, talking.call_id, **HOW)
        assert record is not None
        keep_settlement(session, record)
        append(session, talking.completes(40, "1001", 32).ends(40).events)
        over = refresh(session, talking.call_id, **HOW)
        assert over is not None
    assert (is_ticket_settled(over), is_settled(over)) == (True, False)


def test_a_callbacks_own_channel_and_an_unknown_call_make_no_record(database: Database):
    told = Teller("cb-a0123456789ab-1").log(0, EventKind.QUEUED, queue="general").events
    with database.writing() as session:
        append(session, told)
        for call_id in ("cb-a0123456789ab-1", "never-heard-of"):
            assert refresh(session, call_id, **HOW) is None
        assert session.execute(select(func.count()).select_from(CallRecord)).scalar_one() == 0


def test_a_withheld_number_leaves_nothing_to_find_or_open(database: Database):
    told = Teller().agi(0, EventKind.ARRIVED, caller="anonymous", number_called="12345").events
    record = hear(database, told)
    assert (record.number_kind, record.number_masked) == ("withheld", "withheld")
    assert (record.number_digest, record.number_sealed) == (None, None)
