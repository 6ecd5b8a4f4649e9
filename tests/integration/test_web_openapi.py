"""The API keeps its own description: whatever is asked, well formed or not, the answer was foretold."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from support.web_hotline import WebHotline, a_hotline_with_two_calls

from hotline.accounts import Role
from hotline.database import Database
from hotline.web.access import ACCESS, PUBLIC
from hotline.web.app import create_app
from hotline.web.shapes import MAY_REPEAT

EXAMPLES = 8
# Not taken: it calls every 422 to a well-formed request a fault. A cursor, a number or a pause reason may be well formed
# and still mean nothing here, so `ask` demands instead that such an answer is one of MEANS_NOTHING.
NOT_CHECKED = ["positive_data_acceptance"]
MEANS_NOTHING = {
    f"urn:hotline:problem:{kind}"
    for kind in ("bad_broadcast", "bad_cursor", "not_a_number", "no_such_reason")
}
# Not taken: it measures time, which a busy machine has little of.
NOT_WATCHED = [HealthCheck.too_slow]
TOLD = [("GET", "/healthz"), ("GET", "/metrics"), *(route for route in ACCESS if ACCESS[route] != PUBLIC)]


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with a_hotline_with_two_calls(database, tmp_path) as hotline:
        yield hotline


def test_whatever_is_asked_the_answer_is_foretold(web: WebHotline) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(web.hotline))
    headers = {"Authorization": f"Bearer {web.token(Role.ADMIN)}"}
    for method, path in TOLD:
        for mode in GenerationMode:
            ask(schema, method, path, mode, headers)


def ask(schema: BaseSchema, method: str, path: str, mode: GenerationMode, headers: dict[str, str]) -> None:
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and not (
        operation.query or operation.path_parameters or operation.body
    ):
        return

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=NOT_WATCHED,
    )
    @given(case=operation.as_strategy(mode))
    def check(case: Case) -> None:
        excluded = CHECKS.get_by_names(NOT_CHECKED)
        answer = case.call_and_validate(headers=headers, excluded_checks=excluded)
        if mode is GenerationMode.POSITIVE and answer.status_code == 422:
            assert answer.json()["type"] in MEANS_NOTHING, answer.text

    check()


def test_the_description_is_complete(web: WebHotline) -> None:
    described = web.client().get("/openapi.json").json()
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    routes = set(ACCESS) - {("GET", "/openapi.json")}
    assert {(m.upper(), path) for path, methods in described["paths"].items() for m in methods} == routes
    for method, path in routes:
        operation = described["paths"][path][method.lower()]
        is_open = ACCESS[method, path] == PUBLIC
        assert operation["summary"], path
        assert operation.get("security") == (None if is_open else [{"token": []}]), path
        answers = operation["responses"]
        assert is_open or {"401", "403", "422", "500", "503"} <= set(answers), path
        assert {"200", "201"} & set(answers), path
        assert ("404" in answers) or "{" not in path, path
        for status, answer in answers.items():
            kinds = set(answer["content"])
            if path != "/readyz" and int(status) >= 400:
                assert kinds == {"application/problem+json"}, (path, status)


def test_a_name_that_stands_twice_in_a_query_is_refused_unless_it_means_any_of_them(web: WebHotline) -> None:
    admin = web.client(Role.ADMIN)
    described = admin.get("/openapi.json").json()["paths"]
    for path, operations in described.items():
        for parameter in operations.get("get", {}).get("parameters", []):
            if parameter["in"] == "query":
                takes_list = parameter["schema"].get("type") == "array"
                assert takes_list is (parameter["name"] in MAY_REPEAT), (path, parameter["name"])
    assert admin.get("/api/agents", state=["ready", "paused"]).status_code == 200
    answer = admin.get("/api/calls", queue=["general", "heating"])
    assert answer.status_code == 422
    assert answer.json()["faults"] == [{"where": "query.queue", "fault": "Stands more than once"}]
