"""/healthz, /readyz and /metrics: for watchdogs and Prometheus. No token, and nothing about a person."""

import logging
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from hotline.bootstrap import Hotline
from hotline.parts import PARTS, PartReport, all_parts
from hotline.web.access import HotlineHere
from hotline.web.figures import collect
from hotline.web.metrics import CONTENT_TYPE, Measured, write
from hotline.web.problems import Problem
from hotline.web.shapes import Shown
from ivr.calls.broadcasts import all_on
from ivr.menus.broadcasts import SPOKEN

log = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


class Alive(Shown):
    status: Literal["alive"] = "alive"


class PartShown(Shown):
    is_up: bool
    at: datetime = Field(description="Of the last report.")
    process: str
    detail: dict[str, Any]


class Readiness(Shown):
    """`degraded`: every part is up, but the set of config files in force cannot be used, and an older one runs."""

    status: Literal["ready", "degraded", "not_ready"]
    is_degraded: bool
    parts: dict[str, PartShown]


@router.get("/healthz", summary="This process answers")
def healthz() -> Alive:
    return Alive()


@router.get(
    "/readyz",
    summary="Every part is up: 200, else 503",
    responses={503: {"model": Readiness, "description": "Some part is down."}},
)
def readyz(hotline: HotlineHere, response: Response) -> Readiness:
    parts = _parts(hotline)
    is_up = all(part.is_up for part in parts.values())
    is_degraded = _is_degraded(hotline, parts)
    if not is_up:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    status: Literal["ready", "degraded", "not_ready"] = "degraded" if is_degraded else "ready"
    return Readiness(
        status=status if is_up else "not_ready",
        is_degraded=is_degraded,
        parts={
            name: PartShown(is_up=part.is_up, at=part.at, process=part.process, detail=_public(part.detail))
            for name, part in parts.items()
        },
    )


def _public(detail: dict[str, Any]) -> dict[str, Any]:
    """The words of problems quote the config files, so without a token only their count is told."""
    problems = detail.get("problems")
    return detail | {"problems": len(problems)} if isinstance(problems, list) else detail


def _is_degraded(hotline: Hotline, parts: dict[str, PartReport]) -> bool:
    """Here, or in the process that reported last."""
    return hotline.running.is_impaired or parts["config"].detail.get("is_degraded") is True


def _parts(hotline: Hotline) -> dict[str, PartReport]:
    now = hotline.now()
    try:
        with hotline.database.reading() as session:
            return all_parts(session, now)
    except SQLAlchemyError as error:
        log.error("the database was not reached: %s", type(error).__name__)
        unknown = {"reason": "unknown: the database was not reached"}
        return {
            name: PartReport(
                name=name,
                is_up=False,
                at=now,
                process="",
                detail={"reason": "not reached"} if name == "database" else unknown,
            )
            for name in PARTS
        }


@router.get(
    "/metrics",
    summary="Raw counts in Prometheus' text format",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, 503: {"model": Problem}},
)
def metrics(hotline: HotlineHere, request: Request) -> Response:
    now = hotline.now()
    lines = hotline.running.configuration.lines
    levels = {queue.name: queue.service_level_seconds for queue in lines.queues}
    with hotline.database.reading() as session:
        figures = collect(session, now, hotline.settings.zone, levels)
        tickets = request.app.state.ticket_counts.by_state(session, now)
        parts = all_parts(session, now)
        on = {one.name for one in all_on(session, now)}
    prepared = {one.name for one in hotline.running.configuration.broadcasts.broadcasts}
    measured = Measured(
        figures=figures,
        tickets=tickets,
        parts=parts,
        trunks=tuple(trunk.name for trunk in lines.trunks),
        service_levels=levels,
        is_degraded=_is_degraded(hotline, parts),
        no_call_alarm_minutes=lines.no_call_alarm_minutes,
        started_at=request.app.state.started_at,
        broadcasts={name: name in on for name in sorted({*prepared, *on, SPOKEN})},
    )
    return Response(write(measured, now), media_type=CONTENT_TYPE)
