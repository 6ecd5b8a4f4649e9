"""Over which trunk a citizen is rung back: one that may dial his number and answers, never the trial's beside a real one."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event
from sqlmodel import select
from support.claiming import claim_first
from support.fake_channel import FakeChannel
from support.lost_calls import missed

from hotline import defaults_door
from hotline.trunks import TrunkStates
from ivr.calls.accepted_callbacks import NOT_NOW
from ivr.calls.desk import CallDesk
from ivr.calls.ledger import Ledger
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.lines import Trunk
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.ami import Ami
from ivr.telephony.ami_blocks import Block
from ivr.telephony.ami_dialer import AmiDialer
from ivr.telephony.sip_accounts import AriDoor
from missed_call_redial.attempts import on_dialled
from missed_call_redial.callbacks import Attempt, Callback
from missed_call_redial.claims import mark_placed
from missed_call_redial.dialer import NotPlaced, PlaceRequest, Ways
from missed_call_redial.owing import owe
from missed_call_redial.trunk_faults import trunk_faults, warn_of_misrouting
from tickets.sealing import Sealer
from vocabulary.hotline_names import NEXT

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
MOBILE, LANDLINE = "13800138000", "03551234567"
MOBILES, LANDLINES = "1[3-9]XXXXXXXXX", "0ZXXXXXXXXX"


def trunk(name: str, *plans: str, is_test: bool = False) -> Trunk:
    host = "127.0.0.1" if is_test else f"{name}.example"
    return Trunk(name=name, mode="address", host=host, is_test=is_test, allow_out=list(plans))


TRIAL = trunk("trial", MOBILES, LANDLINES, is_test=True)
SILENT = trunk("in-only")
FIRST = trunk("first", MOBILES)
SECOND = trunk("second", MOBILES, LANDLINES)


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


def running_with(shipped: Configuration, *trunks: Trunk) -> Running:
    lines = shipped.lines.model_copy(update={"trunks": list(trunks)})
    return Running(replace(shipped, lines=lines), PromptLibrary({}, {}), False)


@pytest.mark.parametrize(
    ("trunks", "up", "digits", "chosen"),
    [
        ([FIRST, SECOND], {"first", "second"}, MOBILE, "first"),
        ([SECOND, FIRST], {"first", "second"}, MOBILE, "second"),
        ([FIRST, SECOND], {"second"}, MOBILE, "second"),
        ([FIRST, SECOND], {"first"}, LANDLINE, None),
        ([FIRST, SECOND], set(), MOBILE, None),
        ([FIRST, SECOND], {"first", "second"}, "95588", None),
        ([TRIAL, SECOND], {"trial", "second"}, MOBILE, "second"),
        ([TRIAL, SECOND], {"trial"}, MOBILE, None),
        ([TRIAL, FIRST], {"trial", "first"}, LANDLINE, None),
        ([TRIAL, SILENT], {"trial", "in-only"}, MOBILE, None),
        ([TRIAL], {"trial"}, MOBILE, "trial"),
        ([TRIAL], set(), MOBILE, None),
        ([], set(), MOBILE, None),
    ],
)  # fmt: skip
def test_the_first_real_trunk_that_may_dial_it_and_is_up(
    shipped: Configuration, trunks: list[Trunk], up: Collection[str], digits: str, chosen: str | None
) -> None:
    found = running_with(shipped, *trunks).trunk_for(digits, up)
    assert (found.name if found else None) == chosen


def test_what_only_the_trials_trunk_may_dial_is_in_no_plan(shipped: Configuration) -> None:
    beside_a_real_one = running_with(shipped, TRIAL, FIRST)
    alone = running_with(shipped, TRIAL)
    landline = alone.number_of(LANDLINE, None)
    assert alone.may_be_dialled(landline)
    assert not beside_a_real_one.may_be_dialled(landline)
    assert beside_a_real_one.may_be_dialled(
        alone.number_of(MOBILE, None)
    )  # also while it is down: he is owed


class Site:
    """A citizen who is owed a call, and an agent who has just accepted the placeholder."""

    def __init__(self, database, shipped: Configuration, folder: Path, number: str, *trunks: Trunk) -> None:
        self.database = database
        self.running = running_with(shipped, *trunks)
        self.up: set[str] = set()
        sealer = Sealer.create_file(folder / "keys.json")
        ledger = Ledger(lambda: self.running, sealer, SHANGHAI)
        self.is_log_read = True
        self.desk = CallDesk(
            ledger,
            lambda: self.running,
            database.write,
            lambda: NOON,
            lambda: self.up,
            lambda _session, _now: self.is_log_read,
        )
        self.policy = policy = shipped.callbacks
        with database.writing() as session:
            call = missed("c1", number=f"+86{number}", number_sealed=sealer.seal(number))
            owe(session, call, policy, SHANGHAI, NOON)
            (claim,) = claim_first(session, "w", NOON, policy, 1)
            mark_placed(session, claim.attempt_id, NOON)
        self.attempt_id = claim.attempt_id

    def accept(self) -> list[tuple[str, str]]:
        channel = FakeChannel(arguments=[self.attempt_id, "1001"])
        self.desk.accept_callback(channel)
        return channel.set

    def state(self) -> tuple[str, str | None, str | None]:
        with self.database.reading() as session:
            debt, attempt = session.exec(select(Callback)).one(), session.exec(select(Attempt)).one()
            return debt.state, debt.closing_code, attempt.remark


def test_he_is_dialled_over_the_trunk_that_answers(database, shipped: Configuration, tmp_path: Path) -> None:
    site = Site(database, shipped, tmp_path, MOBILE, TRIAL, FIRST, SECOND)
    site.up = {"trial", "second"}
    assert site.accept() == [("HOTLINE_DIAL_TRUNK", "second"), ("HOTLINE_DIAL", MOBILE)]


def ended(
    site: Site,
    trunk: str,
    outcome: str,
    *,
    at: datetime = NOON,
    debt: int = 1,
    is_of_switchboard: bool = False,
) -> None:
    """An attempt of before: over this trunk, with that outcome."""
    with site.database.writing() as session:
        if session.get(Callback, debt) is None:
            number = "+863510000000" if is_of_switchboard else f"+8613900000{debt:03}"
            call = missed(f"c{debt}", number=number, is_switchboard=is_of_switchboard)
            owe(session, call, site.policy, SHANGHAI, NOON)
        session.add(
            Attempt(
                id=f"{trunk}-{debt}-{at:%H%M%S}", callback_id=debt, state="done", outcome=outcome, is_told=True,
                channel_id="x", other_channel_id="y", trunk=trunk, lease_until=at, claimed_at=at, ended_at=at,
            )
        )  # fmt: skip


AGO = timedelta(minutes=2)


class TestATrunkThatAnswersOptionsAndRefusesEveryCall:
    @pytest.fixture
    def site(self, database, shipped: Configuration, tmp_path: Path) -> Site:
        site = Site(database, shipped, tmp_path, MOBILE, FIRST, SECOND)
        site.up = {"first", "second"}
        return site

    def test_the_next_one_is_taken(self, site: Site) -> None:
        ended(site, "first", "trunk_fault", at=NOON - AGO)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "second")
        with site.database.reading() as session:
            assert session.get_one(Attempt, site.attempt_id).trunk == "second"

    def test_also_by_citizens_who_did_not_meet_it_yet(self, site: Site) -> None:
        for debt in (2, 3):
            ended(site, "first", "trunk_fault", at=NOON - AGO * debt, debt=debt)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "second")

    def test_one_fault_of_another_citizen_is_his_number_s_perhaps(self, site: Site) -> None:
        ended(site, "first", "trunk_fault", at=NOON - AGO, debt=2)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")

    def test_nor_are_several_faults_of_one(self, site: Site) -> None:
        for minutes in (1, 2, 3):
            ended(site, "first", "trunk_fault", at=NOON - timedelta(minutes=minutes), debt=2)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")

    def test_nor_are_those_of_a_switchboard_s_many_debts(self, site: Site) -> None:
        for debt in (2, 3):
            ended(site, "first", "trunk_fault", at=NOON - AGO * debt, debt=debt, is_of_switchboard=True)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")

    def test_but_with_one_of_somebody_else_s(self, site: Site) -> None:
        for minutes, debt in ((1, 2), (2, 2), (3, 3), (4, 4)):
            ended(site, "first", "trunk_fault", at=NOON - timedelta(minutes=minutes), debt=debt)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "second")

    def test_after_a_while_it_is_tried_again(self, site: Site) -> None:
        for debt in (2, 3):
            ended(site, "first", "trunk_fault", at=NOON - timedelta(minutes=16 + debt), debt=debt)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")

    def test_and_when_it_has_worked_since(self, site: Site) -> None:
        ended(site, "first", "trunk_fault", at=NOON - AGO * 2)
        ended(site, "first", "no_answer", at=NOON - AGO)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")

    @pytest.mark.parametrize(("older", "newer"), [("first", "second"), ("second", "first")])
    def test_when_all_fail_they_take_turns(self, site: Site, older: str, newer: str) -> None:
        ended(site, older, "trunk_fault", at=NOON - AGO * 2)
        ended(site, newer, "trunk_fault", at=NOON - AGO)
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", older)

    def test_it_is_still_the_only_one_that_may_dial_him(self, site: Site) -> None:
        ended(site, "first", "trunk_fault", at=NOON - AGO)
        site.up = {"first"}
        assert site.accept()[0] == ("HOTLINE_DIAL_TRUNK", "first")


def test_what_is_asked_of_a_trunk_does_not_grow_with_its_past(
    database, shipped: Configuration, tmp_path: Path
) -> None:
    """At each acceptance, in the writing transaction of the leg, on a table of years: a few of the trunk's attempts are read,
    and those of this debt."""
    site = Site(database, shipped, tmp_path, MOBILE, FIRST, SECOND)
    statements: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        statements.append((statement, parameters))

    with database.writing() as session:
        connection = session.connection()
        event.listen(database.engine, "before_cursor_execute", hear)
        trunk_faults(session, site.attempt_id, ["first", "second"], NOON)
        event.remove(database.engine, "before_cursor_execute", hear)
        ours = [one for one in statements if "callback_attempt.id =" not in one[0]]
        assert len(ours) == 3
        how = "EXPLAIN QUERY PLAN"
        if connection.dialect.name == "postgresql":
            how = "EXPLAIN"
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # as it would choose on a big table
        for statement, parameters in ours:
            is_of_trunk = "callback_attempt.trunk =" in statement
            index = "ix_callback_attempt_trunk" if is_of_trunk else "ix_callback_attempt_callback_id"
            plan = str(connection.exec_driver_sql(f"{how} {statement}", parameters).all())
            assert index in plan, plan
            if is_of_trunk:
                assert "callback_id =" not in statement  # found row by row among all of the trunk
                assert "Sort" not in plan, plan
                assert "TEMP B-TREE" not in plan, plan


def test_many_in_a_row_who_do_not_exist_are_the_trunks_mistake(
    database, shipped: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(database, shipped, tmp_path, MOBILE, FIRST)
    site.up = {"first"}
    for debt in (2, 3, 4):
        ended(site, "first", "invalid_number", at=NOON - AGO * debt, debt=debt)
    site.accept()
    with database.writing() as session:
        on_dialled(
            session, site.attempt_id, "CHANUNAVAIL", 1, "SIP 404 Not Found", 0, NOON,
            policy=site.policy, zone=SHANGHAI, now=NOON,
        )  # fmt: skip
    assert [record.levelname for record in caplog.records if "see prefix_out" in record.getMessage()] == [
        "ERROR"
    ]
    with database.reading() as session:
        assert not warn_of_misrouting(session, "second")


def test_nobody_is_dialled_before_the_log_was_read(database, shipped: Configuration, tmp_path: Path) -> None:
    site = Site(database, shipped, tmp_path, MOBILE, FIRST)
    site.up, site.is_log_read = {"first"}, False
    assert site.accept() == [(NEXT, NOT_NOW)]
    assert site.state() == ("owed", None, "queue_log_not_read")


def test_with_every_trunk_down_he_is_not_dialled_and_stays_owed(
    database, shipped: Configuration, tmp_path: Path
) -> None:
    site = Site(database, shipped, tmp_path, MOBILE, TRIAL, FIRST)
    site.up = {"trial"}
    assert site.accept() == []
    assert site.state() == ("owed", None, "no_trunk_is_up")


def test_a_number_that_no_trunk_may_dial_any_more_stays_owed(
    database, shipped: Configuration, tmp_path: Path
) -> None:
    site = Site(database, shipped, tmp_path, LANDLINE, TRIAL, FIRST)
    site.up = {"trial", "first"}
    assert site.accept() == []
    assert site.state() == ("owed", None, "no_trunk_allows")


def states_of(**states: str) -> TrunkStates:
    found = TrunkStates(AriDoor("http://127.0.0.1:1", "u", "s"))
    found.states = states
    return found


@pytest.mark.parametrize(
    ("trunks", "states", "can", "why"),
    [
        ([FIRST], {"first": "online"}, True, None),
        (
            [FIRST, SECOND],
            {"first": "online", "second": "offline"},
            True,
            "numbers that only second (offline) may dial wait",
        ),
        (
            [TRIAL, FIRST],
            {"trial": "online", "first": "offline"},
            False,
            "nobody is rung back: no trunk that may dial out is up (first: offline)",
        ),
        (
            [FIRST, SECOND],
            {"first": "offline"},
            False,
            "nobody is rung back: no trunk that may dial out is up (first: offline, second: unknown)",
        ),
        ([TRIAL], {"trial": "online"}, True, None),
        (
            [TRIAL],
            {"trial": "offline"},
            False,
            "nobody is rung back: no trunk that may dial out is up (trial: offline)",
        ),
        ([SILENT], {"in-only": "online"}, False, "nobody is rung back: no trunk has a plan in allow_out"),
    ],
)
def test_it_is_said_why_nobody_is_rung_back(
    shipped: Configuration, trunks: list[Trunk], states: dict[str, str], can: bool, why: str | None
) -> None:
    lines = running_with(shipped, *trunks).configuration.lines
    found = states_of(**states)
    assert found.can_dial_out(lines) is can
    assert found.why_callbacks_wait(lines) == why


def test_a_number_whose_only_trunk_is_down_is_not_placed() -> None:
    async def hears(_: Block) -> None: ...

    ami = Ami(username="u", secret="s", on_event=hears)  # never started: nothing may be sent
    ways = Ways("1", lambda digits: frozenset({"first" if digits == MOBILE else "second"}), {"first"})
    dialer = AmiDialer(ami, lambda: True, lambda: ways)
    request = PlaceRequest("a1", 1, "general", 1, LANDLINE, "c1", 300, 30)
    with pytest.raises(NotPlaced, match="no_trunk_is_up"):
        asyncio.run(dialer.place(request))
