"""What watchdogs see: /healthz, /readyz and /metrics, without a token and without a person in them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event, text
from support.web_hotline import MORNING, Api, WebHotline

from hotline.accounts import Role
from hotline.parts import PARTS, STALE, report
from hotline.set_aside import set_aside
from hotline.web.figures import collect
from ivr.config_files.running import Running
from ivr.telephony.queue_log import LogLine
from missed_call_redial.attempts import attempt_accepted, on_dialled, on_dialling
from missed_call_redial.claims import claim_due
from missed_call_redial.dial_results import AttemptOutcome
from tickets.decision import Urgency


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client()


def report_all(web: WebHotline, **down: dict[str, str]) -> None:
    details = {"trunks": {"test-loopback": "online"}, "agi": {"served": 7, "threads": 256, "state": "fine"}}
    with web.database.writing() as session:
        for part in PARTS:
            detail = down.get(part, details.get(part, {}))
            report(session, part, part not in down, dict(detail), "host:1", web.clock)


def test_this_process_answers(api: Api) -> None:
    assert api.get("/healthz").json() == {"status": "alive"}


def test_ready_only_when_every_part_is_up(web: WebHotline, api: Api) -> None:
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert answer.json()["parts"]["agi"]["detail"] == {"reason": "never reported"}
    report_all(web)
    answer = api.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert set(answer.json()["parts"]) == set(PARTS)
    assert answer.json()["parts"]["trunks"]["detail"] == {"test-loopback": "online"}
    report_all(web, asterisk={"reason": "connection refused"})
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["asterisk"]["detail"] == {"reason": "connection refused"}
    report_all(web)
    web.clock += STALE + timedelta(seconds=1)
    assert api.get("/readyz").json()["parts"]["listener"]["detail"] == {"reason": "silent for 11 s"}


def test_degraded_is_said_and_still_ready(web: WebHotline, api: Api) -> None:
    report_all(web)
    good = web.hotline.running
    web.hotline.replace_running(Running(good.configuration, good.prompts, True))
    answer = api.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["is_degraded"]) == ("degraded", True)
    assert measured(api)["hotline_config_degraded", ()] == 1


def test_the_words_of_problems_are_not_told_without_a_token(web: WebHotline, api: Api) -> None:
    report_all(web)
    detail = {
        "is_degraded": True,
        "problems": ["hotline.yaml:11:17  trunks: words", "hotline.yaml:12:1  more"],
    }
    with web.database.writing() as session:
        report(session, "config", True, detail, "host:1", web.clock)
    answer = api.get("/readyz")
    assert "hotline.yaml" not in answer.text
    assert answer.json()["is_degraded"]
    assert answer.json()["parts"]["config"]["detail"] == {"is_degraded": True, "problems": 2}


def test_without_a_database_the_answer_says_so(web: WebHotline, api: Api) -> None:
    with web.database.writing() as session:
        session.execute(text("DROP TABLE part_report"))
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] | {"at": ""} == {
        "is_up": False,
        "at": "",
        "process": "",
        "detail": {"reason": "not reached"},
    }


def measured(api: Api) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = api.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_raw_counts_for_prometheus(web: WebHotline, api: Api) -> None:
    report_all(web)
    web.call("hl1-1.1", agent_no="1001", wait=14)
    web.draft("hl1-1.1", urgency=Urgency.URGENT)
    web.call("hl1-1.2", after=timedelta(minutes=1), wait=60)
    web.owe("hl1-1.2")
    web.call("hl1-1.3", after=timedelta(minutes=2), is_waiting=True)
    web.client(Role.ADMIN).post("/api/agents/1001/sign-in")
    found = measured(api)
    for (name, *labels), value in {
        ("hotline_calls_today", "answered"): 1,
        ("hotline_calls_today", "queue_abandon"): 1,
        ("hotline_calls_today", "system_loss"): 0,
        ("hotline_open_calls",): 1,
        ("hotline_waiting_calls", "general"): 1,
        ("hotline_waiting_calls", "heating"): 0,
        ("hotline_calls_offered_today", "general"): 3,
        ("hotline_calls_queued_today", "general"): 3,
        ("hotline_calls_answered_today", "general"): 1,
        ("hotline_calls_answered_in_time_today", "arrival", "general", "15"): 0,
        ("hotline_calls_answered_in_time_today", "queue_entry", "general", "15"): 1,
        ("hotline_callbacks", "owed"): 1,
        ("hotline_callbacks_closed_today", "connected"): 0,
        ("hotline_agents", "ready"): 1,
        ("hotline_agents", "signed_out"): 1,
        ("hotline_tickets", "draft"): 1,
        ("hotline_part_up", "asterisk"): 1,
        ("hotline_trunk_up", "test-loopback"): 1,
        ("hotline_agi", "served"): 7,
        ("hotline_config_degraded",): 0,
        ("hotline_no_call_alarm",): 0,
        ("hotline_last_call_timestamp_seconds",): (MORNING + timedelta(minutes=2)).timestamp(),
    }.items():
        assert found[name, tuple(labels)] == value, (name, labels)
    assert found["hotline_oldest_callback_age_seconds", ()] == 0


def _rung_back(web: WebHotline, n: int, dial_status: str | None, talk: int, at: datetime) -> None:
    """A citizen who was missed at the n-th minute, dialled at this moment; no status: still under way."""
    policy, zone = web.configuration.callbacks, web.hotline.settings.zone
    web.call(f"hl1-5.{n}", after=timedelta(minutes=n), number=f"1390013900{n}", wait=60)
    owed = web.owe(f"hl1-5.{n}")
    with web.database.writing() as session:
        claim = claim_due(session, "worker", at, policy, owed)
        assert claim is not None
        assert attempt_accepted(session, claim.attempt_id, "1001", at, policy=policy, zone=zone).dial
        on_dialling(session, claim.attempt_id, at)
        if dial_status is not None:
            end = at + timedelta(seconds=20 + talk)
            on_dialled(
                session, claim.attempt_id, dial_status, 16, "", talk, end, policy=policy, zone=zone, now=end
            )


def test_reports_on_callbacks_can_be_made_of_what_is_measured(web: WebHotline, api: Api) -> None:
    report_all(web)
    _rung_back(web, 0, "ANSWER", 90, MORNING + timedelta(hours=1))
    _rung_back(web, 1, "ANSWER", 30, MORNING + timedelta(hours=2))
    _rung_back(web, 2, "BUSY", 0, MORNING + timedelta(hours=2))
    _rung_back(web, 3, None, 0, MORNING + timedelta(hours=2))
    web.clock = MORNING + timedelta(hours=3)
    found = measured(api)
    outcomes = {
        labels[0]: value
        for (name, labels), value in found.items()
        if name == "hotline_callback_attempts_today"
    }
    assert set(outcomes) == {*AttemptOutcome, "under_way"}
    assert {outcome: value for outcome, value in outcomes.items() if value} == {
        "connected": 2,
        "busy": 1,
        "under_way": 1,
    }
    assert found["hotline_callback_connects_today", ()] == 2
    missed = [0, 60]  # seconds after MORNING at which the missed calls arrived
    picked_up = [3600 + 20, 7200 + 20]
    assert found["hotline_callback_connect_seconds_today", ()] == pytest.approx(
        sum(picked_up) - sum(missed), abs=0.01
    )
    web.clock = MORNING + timedelta(days=1)
    later = measured(api)
    assert later["hotline_callback_attempts_today", ("connected",)] == 0
    assert later["hotline_callback_connect_seconds_today", ()] == 0


def _asked(web: WebHotline) -> list[tuple[str, Any]]:
    """Every statement that the figures are made of."""
    statements: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        statements.append((statement, parameters))

    event.listen(web.database.engine, "before_cursor_execute", hear)
    with web.database.reading() as session:
        collect(session, web.clock, web.hotline.settings.zone, {})
    event.remove(web.database.engine, "before_cursor_execute", hear)
    return statements


def test_what_is_measured_is_found_by_an_index(web: WebHotline) -> None:
    """/metrics is asked every few seconds, on tables of years."""
    wanted = {
        "FROM callback_attempt": "ix_callback_attempt_accepted_at",
        "callback.closed_at >=": "ix_callback_closed_at",
        "GROUP BY lower(call_record.outcome)": "ix_call_record_arrived_at",
        "AND NOT (EXISTS": "ix_call_record_is_open_arrived_at",  # which calls were forgotten
    }
    statements = _asked(web)
    with web.database.writing() as session:
        connection = session.connection()
        is_postgresql = connection.dialect.name == "postgresql"
        if is_postgresql:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # as it would choose on a big table
        how = "EXPLAIN" if is_postgresql else "EXPLAIN QUERY PLAN"
        found: set[str] = set()
        for statement, parameters in statements:
            plan = str(connection.exec_driver_sql(f"{how} {statement}", parameters).all())
            for part, index in wanted.items():
                if part in statement:
                    # PostgreSQL finds the week by its moments as well
                    assert index in plan or (is_postgresql and "ix_call_record_arrived_at" in plan), plan
                    found.add(part)
            if not is_postgresql:
                for table in ("call_record", "callback", "callback_attempt", "ticket"):
                    assert f"SCAN {table} " not in plan, plan
                    assert f"SCAN {table}'" not in plan, plan
    assert found == set(wanted)


def test_tickets_are_counted_once_a_minute(web: WebHotline, api: Api) -> None:
    report_all(web)
    for n in (1, 2):
        web.call(f"hl1-1.{n}", after=timedelta(minutes=n), agent_no="1001")
    web.draft("hl1-1.1")
    assert measured(api)["hotline_tickets", ("draft",)] == 1
    web.draft("hl1-1.2")
    web.clock += timedelta(seconds=59)
    assert measured(api)["hotline_tickets", ("draft",)] == 1
    web.clock += timedelta(seconds=1)
    assert measured(api)["hotline_tickets", ("draft",)] == 2


def test_callbacks_that_no_plan_allows_are_counted(web: WebHotline, api: Api) -> None:
    report_all(web)
    assert measured(api)["hotline_callbacks_not_by_plan", ()] == 0
    with web.database.writing() as session:
        report(session, "dispatcher", True, {"not_by_plan": 7}, "host:1", web.clock)
    assert measured(api)["hotline_callbacks_not_by_plan", ()] == 7


def test_today_begins_at_local_midnight(web: WebHotline, api: Api) -> None:
    report_all(web)
    web.call("hl1-1.1", agent_no="1001")
    web.clock = MORNING.replace(hour=15, minute=59)  # 23:59 in Shanghai
    assert measured(api)["hotline_calls_today", ("answered",)] == 1
    web.clock = MORNING.replace(hour=16, minute=0)
    assert measured(api)["hotline_calls_today", ("answered",)] == 0


def test_an_alarm_when_no_call_comes(web: WebHotline, api: Api) -> None:
    minutes = web.configuration.lines.no_call_alarm_minutes
    assert measured(api)["hotline_no_call_alarm", ()] == 0
    web.clock += timedelta(minutes=minutes)
    assert measured(api)["hotline_no_call_alarm", ()] == 1
    web.call("hl1-1.1", after=timedelta(minutes=minutes), agent_no="1001")
    assert measured(api)["hotline_no_call_alarm", ()] == 0


def test_what_could_not_be_taken_in_and_what_never_ended_is_counted(web: WebHotline, api: Api) -> None:
    report_all(web)
    assert "hotline_set_aside_lines 0.0" in api.get("/metrics").text
    with web.database.writing() as session:
        set_aside(session, LogLine("f", 7, "a line"), "ValueError", web.hotline.sealer, web.clock)
    web.call("hl1-7.1", is_waiting=True, has_ended=False)
    web.clock += timedelta(hours=3)
    told = api.get("/metrics").text
    assert "hotline_set_aside_lines 1.0" in told
    assert "hotline_long_open_calls 1.0" in told
