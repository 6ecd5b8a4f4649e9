"""Each kind of error is a problem+json with status, title, detail and, if known, a remedy; no fault leaks."""

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.sipp import HOST, free_port
from support.web_hotline import CITIZEN, Api, WebHotline, open_hotline

from hotline.accounts import Role
from hotline.database import Database, make_engine
from tickets.sealing import Sealer
from vocabulary.errors import HotlineError


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        hotline.call("hl1-1.1", agent_no="1001")
        yield hotline


@pytest.fixture
def api(web: WebHotline) -> Api:
    return web.client(Role.ADMIN)


def problem_of(answer: httpx.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, object] = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


def test_errors_of_the_web_itself(api: Api) -> None:
    assert problem_of(api.get("/api/nothing"), 404)["title"] == "Not Found"
    wrong_method = api.request("DELETE", "/api/calls")
    problem_of(wrong_method, 405)
    assert wrong_method.headers["allow"] == "GET"
    too_big = api.request("PATCH", "/api/tickets/1", content=b"x" * (1024 * 1024 + 1))
    problem_of(too_big, 413)
    problem_of(api.get("/api/calls/"), 404)


def test_a_request_that_is_not_well_formed_is_not_repeated_in_the_answer(api: Api) -> None:
    answer = api.get("/api/calls", numbre=CITIZEN, limit=0, since="2026-03-02T00:00:00")
    problem = problem_of(answer, 422)
    assert CITIZEN not in answer.text
    assert {fault["where"] for fault in problem["faults"]} == {  # type: ignore[attr-defined]
        "query.numbre",
        "query.limit",
        "query.since",
    }
    not_json = api.request("PATCH", "/api/tickets/1", content=b"{", headers={**api.headers, **JSON})
    assert problem_of(not_json, 422)["type"] == "urn:hotline:problem:bad_request"


JSON = {"Content-Type": "application/json"}


def test_what_is_not_a_number_is_said(api: Api) -> None:
    for number in ("99999999999999999999999", "0000", "1----2"):
        problem = problem_of(api.get("/api/calls", number=number), 422)
        assert problem["type"] == "urn:hotline:problem:not_a_number"
        assert problem["remedy"]


def test_a_broken_seal_is_a_fault_with_a_remedy(web: WebHotline, api: Api) -> None:
    web.hotline.sealer = Sealer({"k2": b"t" * 32}, "k2", b"d" * 32)
    problem = problem_of(api.post("/api/calls/hl1-1.1/reveal", {"reason": "the citizen asked"}), 500)
    assert problem["type"] == "urn:hotline:problem:seal_is_broken"


def test_an_unforeseen_fault_tells_nothing_and_is_logged(
    web: WebHotline, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(agent_no: object, _queues: object) -> None:
        raise RuntimeError(f"secret {CITIZEN}")

    web.switch.bring = fail  # type: ignore[method-assign, assignment]
    answer = api.post("/api/agents/1001/sign-in")
    problem = problem_of(answer, 500)
    assert problem["type"] == "urn:hotline:problem:internal_fault"
    assert CITIZEN not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


def test_an_error_without_a_row_in_the_table_tells_nothing(web: WebHotline, api: Api) -> None:
    class NobodyThoughtOfThis(HotlineError):
        pass

    def fail(agent_no: object, _queues: object) -> None:
        raise NobodyThoughtOfThis("secret")

    web.switch.bring = fail  # type: ignore[method-assign, assignment]
    answer = api.post("/api/agents/1001/sign-in")
    assert problem_of(answer, 500)["type"] == "urn:hotline:problem:internal_fault"
    assert "secret" not in answer.text


def test_a_database_that_is_gone_is_503_with_a_time_to_come_back(
    web: WebHotline, api: Api, tmp_path: Path
) -> None:
    is_sqlite = web.database.engine.dialect.name == "sqlite"
    web.database.engine.dispose()
    if is_sqlite:
        for file in tmp_path.glob("hotline.db*"):
            file.unlink()
        (tmp_path / "hotline.db").mkdir()
    else:  # the server is shared by all tests, so it is we who look where none listens
        nowhere = make_engine(f"postgresql://u:p@{HOST}:{free_port()}/hotline")
        web.database.__init__(nowhere)  # type: ignore[misc]  # in place: the app holds this very object
    answer = api.get("/api/queues")
    assert problem_of(answer, 503)["type"] == "urn:hotline:problem:database_not_reached"
    assert answer.headers["retry-after"] == "5"
    problem_of(api.get("/metrics"), 503)
    assert api.get("/readyz").status_code == 503
    assert api.get("/healthz").status_code == 200


def test_the_log_names_the_request_but_not_what_was_searched(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "hotline"):
        assert api.get("/api/calls", number=CITIZEN).status_code == 200
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("hotline")]
    assert any(line.startswith("GET '/api/calls' 200") for line in ours)
    assert CITIZEN not in "".join(ours)


def test_a_writer_who_waits_does_not_stop_readers(web: WebHotline, api: Api) -> None:
    """On SQLite there is one writer; who only reads goes on."""
    inside, done = threading.Event(), threading.Event()

    def write_slowly() -> None:
        with web.database.writing():
            inside.set()
            done.wait(10)

    api.get("/api/queues")  # the use of the token is noted
    writer = threading.Thread(target=write_slowly)
    writer.start()
    try:
        assert inside.wait(10)
        assert api.get("/api/calls").status_code == 200
    finally:
        done.set()
        writer.join()
