"""The API keeps its own description: whatever is asked, well formed or not, the answer was foretold."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.checks import CHECKS
from schemathesis.generation import GenerationMode
from schemathesis.schemas import BaseSchema
from support.web_hotline import WebHotline, open_hotline

from hotline.database import Database
from hotline.web.access import ACCESS, PUBLIC
from hotline.web.accounts import Role
from hotline.web.app import create_app

EXAMPLES = 8
# positive_data_acceptance: a code, a cursor or a number may be well formed and still mean nothing.
# The others look at more than one request at a time; test_web_access and test_web_problems do that.
NOT_CHECKED = [
    "positive_data_acceptance",
    "use_after_free",
    "ensure_resource_availability",
    "unsupported_method",
    "ignored_auth",
]
TOLD = [("GET", "/healthz"), ("GET", "/metrics"), *(route for route in ACCESS if ACCESS[route] != PUBLIC)]


@pytest.fixture
def web(database: Database, tmp_path: Path) -> Iterator[WebHotline]:
    with open_hotline(database, tmp_path) as hotline:
        hotline.call("hl1-1.1", agent_no="1001")
        hotline.draft("hl1-1.1")
        hotline.call("hl1-1.2", after=timedelta(minutes=5), number="13900139000", wait=60)
        hotline.owe("hl1-1.2")
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
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def check(case: Case) -> None:
        excluded = CHECKS.get_by_names(NOT_CHECKED)
        case.call_and_validate(headers=headers, excluded_checks=excluded)

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
