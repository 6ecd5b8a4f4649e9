"""The one way in which anything learnt about calls becomes records, tickets and callbacks.

AGI legs, AMI events and queue_log lines all come here, in whatever order and however often; the result is the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo

from sqlmodel import Session, col, select

from ivr.config_files.running import Running
from missed_call_redial.owing import close_by_inbound, missed_from_record, owe
from routing.rules import Decision, RuleFacts, decide
from tickets.call_events import Event, EventKind, append, of_call, sealed
from tickets.call_records import CallRecord, is_settled, refresh, settlement_of
from tickets.decision import Urgency
from tickets.drafts import draft_for_call
from tickets.outcome import LOST, Outcome
from tickets.sealing import Sealer
from tickets.tickets import Ticket
from vocabulary.phone_numbers import PhoneNumber


@dataclass(frozen=True)
class Ledger:
    """Keeps the account of calls inside the caller's transaction."""

    running: Callable[[], Running]
    sealer: Sealer
    zone: tzinfo

    def hear(self, session: Session, events: Iterable[Event], now: datetime) -> list[CallRecord]:
        """Appends what is new and brings every call that it touches up to date. Gives those calls' records."""
        told = (sealed(event, self.sealer) for event in events)
        records = [self.bring_up_to_date(session, call_id, now) for call_id in append(session, told)]
        return [record for record in records if record is not None]

    def bring_up_to_date(self, session: Session, call_id: str, now: datetime) -> CallRecord | None:
        """The record as the events tell it, its ticket, and the callback it is owed. Doing it twice changes nothing."""
        running = self.running()
        record = refresh(
            session,
            call_id,
            sealer=self.sealer,
            normaliser=running.number_of,
            quick_hangup_seconds=running.configuration.lines.quick_hangup_seconds,
        )
        if record is None or not record.number_called or is_settled(record):
            return record  # without the line of arrival nobody knows yet whom this call is from: settle when it comes
        if record.is_open and record.answered_at is None:
            return record
        self.write_ticket(session, record, now)
        if not record.is_open:
            self._settle_debts(session, record, running, now)
        record.settled_as = settlement_of(record)
        session.add(record)
        return record

    def write_ticket(
        self, session: Session, record: CallRecord, now: datetime, outcome: Outcome | None = None
    ) -> Ticket | None:
        """What the rules say of this call: a draft, a link to an open ticket, a disposition, or nothing.

        While a call is talked, rules see it as answered, so the draft on the agent's screen is the one that stays.
        """
        decision = self._decide(session, record, outcome)
        if decision.category is None:  # the rules are silent: what the citizen chose by a key
            decision = replace(decision, category=_chosen_category(session, record.call_id))
        return draft_for_call(
            session, record, decision, now, local_day_bounds=self._local_day(record.arrived_at)
        )

    def _decide(self, session: Session, record: CallRecord, outcome: Outcome | None) -> Decision:
        configuration = self.running().configuration
        seen = outcome or Outcome(record.outcome)
        queue = configuration.lines.queue(record.queue) if record.queue else None
        facts = RuleFacts(
            number_called=record.number_called,
            menu_path=record.menu_path,
            queue=record.queue,
            local_time=record.arrived_at.astimezone(self.zone),
            outcome=Outcome.ANSWERED if seen is Outcome.IN_PROGRESS else seen,
            is_repeat_caller=self._is_repeat(session, record, configuration.lines.repeat_caller_hours),
            queue_label=queue.label if queue else "",
            number_masked=record.number_masked,
        )
        return decide(configuration.rules, facts)

    def _is_repeat(self, session: Session, record: CallRecord, hours: int) -> bool:
        """The same number within the interval that the site calls a repeat (重复来电)."""
        if record.number_digest is None:
            return False
        earlier = select(CallRecord.call_id).where(
            col(CallRecord.number_digest) == record.number_digest,
            col(CallRecord.call_id) != record.call_id,
            col(CallRecord.arrived_at) < record.arrived_at,
            col(CallRecord.arrived_at) >= record.arrived_at - timedelta(hours=hours),
        )
        return session.exec(earlier.limit(1)).first() is not None

    def _local_day(self, at: datetime) -> tuple[datetime, datetime]:
        day = at.astimezone(self.zone).date()
        start = datetime.combine(day, time.min, tzinfo=self.zone)
        return start, datetime.combine(day + timedelta(days=1), time.min, tzinfo=self.zone)

    def _settle_debts(self, session: Session, record: CallRecord, running: Running, now: datetime) -> None:
        outcome = Outcome(record.outcome)
        number = self.number_of(record)
        if outcome in LOST:
            called = running.configuration.lines.number(record.number_called)
            missed = missed_from_record(
                record,
                default_queue=called.queue if called else running.configuration.lines.queues[0].name,
                is_switchboard=running.is_switchboard(number),
                is_in_number_plan=running.may_be_dialled(number),
                is_critical=self._is_critical(session, record),
            )
            owe(session, missed, running.configuration.callbacks, self.zone, now)
        elif record.number_digest and record.answered_at and not running.is_switchboard(number):
            close_by_inbound(session, record.number_digest, record.call_id, record.answered_at)

    def _is_critical(self, session: Session, record: CallRecord) -> bool:
        """By the rules for the lost call, or for its matter: those that would have made the ticket had it been answered."""
        seen = (Outcome(record.outcome), Outcome.ANSWERED)
        return any(self._decide(session, record, one).urgency is Urgency.CRITICAL for one in seen)

    def number_of(self, record: CallRecord) -> PhoneNumber:
        """The caller's number, opened."""
        digits = self.sealer.open(record.number_sealed) if record.number_sealed else ""
        return self.running().number_of(digits, None)


def _chosen_category(session: Session, call_id: str) -> str | None:
    walked = [
        event for event in of_call(session.connection(), call_id) if event.kind is EventKind.MENU_WALKED
    ]
    return walked[-1].data.get("category") if walked else None
