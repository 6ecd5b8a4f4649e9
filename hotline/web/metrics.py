"""The words of /metrics: figures become Prometheus' text. Pure; a registry of its own for each scrape."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from hotline.parts import NOT_BY_PLAN, PartReport
from hotline.web.agents import AgentDoes
from hotline.web.figures import COUNTED_EVERY, NO_QUEUE, OPEN_STATES, UNDER_WAY, Figures, QueueCounts
from missed_call_redial.callbacks import ClosingCode
from missed_call_redial.dial_results import AttemptOutcome
from tickets.outcome import Outcome
from tickets.tickets import TicketState

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
_TRUNK_IS_UP: Final = "online"


@dataclass(frozen=True)
class Measured:
    """Everything that one scrape tells."""

    figures: Figures
    tickets: Mapping[str, int]
    """By state, as they were at most COUNTED_EVERY ago."""
    parts: Mapping[str, PartReport]
    trunks: tuple[str, ...]
    service_levels: Mapping[str, int]
    is_degraded: bool
    no_call_alarm_minutes: int
    started_at: datetime
    broadcasts: Mapping[str, bool]
    """Every one that may be on, and whether it is."""


def is_no_call_alarm(
    last_arrival_at: datetime | None, started_at: datetime, minutes: int, now: datetime
) -> bool:
    """No call for `minutes`; 0 switches it off. Before the very first call the time runs from the start."""
    if minutes == 0:
        return False
    return now - (last_arrival_at or started_at) >= timedelta(minutes=minutes)


def write(measured: Measured, now: datetime) -> bytes:
    """Every value of a label that can occur is written, 0 too: a late series hides its first rise."""
    registry = CollectorRegistry()
    _calls(registry, measured)
    _service(registry, measured)
    _callbacks(registry, measured.figures)
    _people(registry, measured)
    _state(registry, measured, now)
    return generate_latest(registry)


def _calls(registry: CollectorRegistry, measured: Measured) -> None:
    figures = measured.figures
    calls = Gauge("hotline_calls_today", "Calls that arrived today", ["outcome"], registry=registry)
    for outcome in Outcome:
        calls.labels(outcome).set(figures.by_outcome[outcome])
    Gauge("hotline_open_calls", "Calls on the line now", registry=registry).set(figures.open_calls)
    waiting = Gauge("hotline_waiting_calls", "Callers waiting for an agent now", ["queue"], registry=registry)
    for queue in measured.service_levels:
        waits = figures.waiting.get(queue)
        waiting.labels(queue).set(waits.count if waits else 0)


def _service(registry: CollectorRegistry, measured: Measured) -> None:
    """Both answer rates can be made of these; neither is made here (requirements, section 2)."""
    offered = Gauge(
        "hotline_calls_offered_today",
        "Calls that arrived today, whatever became of them",
        ["queue"],
        registry=registry,
    )
    queued = Gauge("hotline_calls_queued_today", "… and came to the queue", ["queue"], registry=registry)
    answered = Gauge("hotline_calls_answered_today", "… and were answered", ["queue"], registry=registry)
    in_time = Gauge(
        "hotline_calls_answered_in_time_today",
        "… and were answered within service_level_seconds of arrival or of queue entry",
        ["queue", "counted_from", "seconds"],
        registry=registry,
    )
    for queue in [*measured.service_levels, NO_QUEUE]:
        counts = measured.figures.by_queue.get(queue, QueueCounts())
        offered.labels(queue).set(counts.offered)
        queued.labels(queue).set(counts.queued)
        answered.labels(queue).set(counts.answered)
        if queue == NO_QUEUE:
            continue
        seconds = str(measured.service_levels[queue])
        in_time.labels(queue, "arrival", seconds).set(counts.answered_in_time_from_arrival)
        in_time.labels(queue, "queue_entry", seconds).set(counts.answered_in_time_from_queue_entry)


def _callbacks(registry: CollectorRegistry, figures: Figures) -> None:
    """回拨量, 回拨接通率 and the mean time to a callback can be made of these; see the operations page."""
    callbacks = Gauge("hotline_callbacks", "Callbacks that are not closed", ["state"], registry=registry)
    for state in OPEN_STATES:
        callbacks.labels(state).set(figures.callbacks[state])
    closed = Gauge(
        "hotline_callbacks_closed_today", "Callbacks closed today", ["closing_code"], registry=registry
    )
    for code in ClosingCode:
        closed.labels(code).set(figures.callbacks_closed[code])
    attempts = Gauge(
        "hotline_callback_attempts_today",
        "Callbacks that an agent accepted today, by what came of the dial",
        ["outcome"],
        registry=registry,
    )
    for outcome in (*AttemptOutcome, UNDER_WAY):
        attempts.labels(outcome).set(figures.attempts[outcome])
    Gauge(
        "hotline_callback_connects_today",
        "Those in which agent and citizen talked",
        registry=registry,
    ).set(figures.connects)
    Gauge(
        "hotline_callback_connect_seconds_today",
        "From the first missed call until the citizen picked up, of all hotline_callback_connects_today together",
        registry=registry,
    ).set(figures.connect_seconds)


def _people(registry: CollectorRegistry, measured: Measured) -> None:
    agents = Gauge("hotline_agents", "Agents", ["state"], registry=registry)
    for does in AgentDoes:
        agents.labels(does).set(measured.figures.agents[does])
    tickets = Gauge(
        "hotline_tickets",
        f"Tickets, counted every {COUNTED_EVERY.total_seconds():g} s",
        ["state"],
        registry=registry,
    )
    for ticket_state in TicketState:
        tickets.labels(ticket_state).set(measured.tickets.get(ticket_state, 0))


def _state(registry: CollectorRegistry, measured: Measured, now: datetime) -> None:
    part_up = Gauge("hotline_part_up", "1: the part is up", ["part"], registry=registry)
    for name, part in measured.parts.items():
        part_up.labels(name).set(part.is_up)
    trunk_up = Gauge("hotline_trunk_up", "1: the trunk answers OPTIONS", ["trunk"], registry=registry)
    states = measured.parts["trunks"].detail
    for trunk in measured.trunks:
        trunk_up.labels(trunk).set(states.get(trunk) == _TRUNK_IS_UP)
    agi = Gauge("hotline_agi", "What the AGI server counts", ["counter"], registry=registry)
    for counter, value in measured.parts["agi"].detail.items():
        if type(value) in (int, float):
            agi.labels(counter).set(value)
    Gauge(
        "hotline_callbacks_not_by_plan",
        "Callbacks that wait since no trunk's allow_out has their numbers: should be 0",
        registry=registry,
    ).set(measured.parts["dispatcher"].detail.get(NOT_BY_PLAN, 0))
    on = Gauge("hotline_broadcast_on", "1: callers hear this message", ["name"], registry=registry)
    for name, is_on in measured.broadcasts.items():
        on.labels(name).set(is_on)
    Gauge(
        "hotline_config_degraded",
        "1: the configuration in force cannot be used, an older one runs",
        registry=registry,
    ).set(measured.is_degraded)
    Gauge(
        "hotline_config_unpublished_files", "Files in HOTLINE_CONFIG that are not in force", registry=registry
    ).set(measured.parts["config"].detail.get("unpublished_files", 0))
    last = measured.figures.last_arrival_at
    alarm = is_no_call_alarm(last, measured.started_at, measured.no_call_alarm_minutes, now)
    Gauge("hotline_no_call_alarm", "1: no call for no_call_alarm_minutes", registry=registry).set(alarm)
    if last is not None:
        Gauge("hotline_last_call_timestamp_seconds", "Arrival of the last call", registry=registry).set(
            last.timestamp()
        )
    Gauge(
        "hotline_forgotten_calls",
        "Lost calls of the last week with neither a callback nor a stated reason: must be 0",
        registry=registry,
    ).set(measured.figures.forgotten)
    Gauge(
        "hotline_long_open_calls",
        "Open calls that arrived more than two hours ago: long talks, or ends that nobody heard",
        registry=registry,
    ).set(measured.figures.open_long)
    Gauge(
        "hotline_set_aside_lines",
        "Lines of queue_log that could not be taken in: must be 0",
        registry=registry,
    ).set(measured.figures.set_aside)
    owed = measured.figures.oldest_owed_at
    age = 0.0 if owed is None else max(0.0, (now - owed).total_seconds())
    Gauge(
        "hotline_oldest_callback_age_seconds", "Since its first miss; 0: none is open", registry=registry
    ).set(age)
