"""The round that looks after drafts of callbacks in vain: everybody has his turn, whatever fails, and it reads little."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session
from support.ringing_back import (
    ANY_CALL,
    BUSY,
    LOST_CALL,
    TALK,
    RingingBack,
    rule_by,
    settle_drafts,
    told_late,
)
from support.web_hotline import WebHotline

from hotline.database import DatabaseIsBusy
from hotline.rounds import DraftsInVain
from ivr.calls.drafts_in_vain import closed_too_early, left_open, settle_draft
from ivr.calls.ledger import Ledger
from missed_call_redial.owing import cancel


@pytest.fixture
def site(web: WebHotline) -> RingingBack:
    return RingingBack(web)


def abandon(site: RingingBack, count: int) -> None:
    """So many debts, each with a draft that stays on the screens although the debt was called off."""
    for n in range(count):
        site.lose(f"hl1-179539{n:04}.1", number=f"1390000{n:04}")
        site.dialled(site.accept("1001"), BUSY)
        with site.web.database.writing() as session:
            cancel(session, site.debt().id or 0, "他已来电", site.now)


def test_more_than_one_round_can_look_at_have_their_turn_one_after_the_other(
    site: RingingBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that stay open for good reasons come first, and keep nobody from his turn."""
    few_at_once(monkeypatch, 2)
    rule_by(site, ANY_CALL)
    abandon(site, 5)
    drafts = DraftsInVain(site.web.database, site.ledger)
    assert drafts.settle(site.now) == []  # 1 and 2: the rules want them
    rule_by(site, LOST_CALL, ANY_CALL)
    assert [drafts.settle(site.now) for _ in range(4)] == [[3, 4], [5], [1, 2], []]


def few_at_once(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr("ivr.calls.drafts_in_vain.MOST", most)
    monkeypatch.setattr("hotline.rounds.MOST", most)


def test_one_that_fails_keeps_no_other_back(
    site: RingingBack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    abandon(site, 3)

    def failing_at_the_second(session: Session, ledger: Ledger, ticket_id: int, now: datetime) -> bool:
        changed = settle_draft(session, ledger, ticket_id, now)
        if ticket_id == 2:
            raise ValueError("a fault of ours")
        return changed

    monkeypatch.setattr("hotline.rounds.settle_draft", failing_at_the_second)
    assert settle_drafts(site) == [1, 3]
    assert "the draft ticket 2 was not settled" in caplog.text
    monkeypatch.undo()
    assert settle_drafts(site) == [2]  # nothing of it was kept, and it is not forgotten


def test_while_the_database_is_away_the_round_ends_and_the_next_goes_on_behind(
    site: RingingBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    abandon(site, 3)
    drafts = DraftsInVain(site.web.database, site.ledger)

    def away(session: Session, ledger: Ledger, ticket_id: int, now: datetime) -> bool:
        raise DatabaseIsBusy(5)

    monkeypatch.setattr("hotline.rounds.settle_draft", away)
    with pytest.raises(DatabaseIsBusy):
        drafts.settle(site.now)
    monkeypatch.undo()
    assert [drafts.settle(site.now) for _ in range(3)] == [[2, 3], [1], []]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_neither_look_walks_what_is_closed(site: RingingBack) -> None:
    """Every five seconds, over the tickets of years. PostgreSQL's plan goes by what it has counted, not by the statement."""
    attempt = told_late(site)
    site.dialled(attempt, TALK, talk=30)
    heard: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        heard.append((statement, parameters))

    engine = site.web.database.engine
    event.listen(engine, "before_cursor_execute", hear)
    with site.web.database.reading() as session:
        assert left_open(session) == []
        assert closed_too_early(session, site.now - timedelta(days=3)) == [1]
        event.remove(engine, "before_cursor_execute", hear)
        plans = [
            [row[3] for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", given)]
            for said, given in heard
        ]
    drafts, talks, tickets = plans
    assert drafts[0] == "SEARCH ticket USING INDEX ix_ticket_state (state=? AND rowid>?)"
    assert "draft" in heard[0][1]
    assert talks == ["SEARCH callback_attempt USING INDEX ix_callback_attempt_accepted_at (accepted_at>?)"]
    assert tickets[0] == "SEARCH callback USING INTEGER PRIMARY KEY (rowid=?)"
    assert "SEARCH ticket USING INTEGER PRIMARY KEY (rowid=?)" in tickets
    assert not any(step.startswith("SCAN") for plan in plans for step in plan), plans
