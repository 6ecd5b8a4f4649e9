"""Who is placed next, and into which queue: chosen by reading only, so that a long line keeps nobody from writing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from missed_call_redial.claims import Due, due_in_line
from missed_call_redial.policy import CallbackPolicies
from missed_call_redial.queue_line import Floor, queues_with_due
from missed_call_redial.reach import Can, Reach


@dataclass(frozen=True)
class Candidate:
    """A debt that could be dialled now, and the queue that has room for it."""

    callback_id: int
    queue: str


@dataclass(frozen=True)
class Queues:
    """`live` names the queue in which debts of a queue stand, another one when theirs is configured no more; `default` the
    queue of a number of ours, None if the files have that number no more."""

    live: Callable[[str], str]
    default: Callable[[str], str | None]

    def of(self, due: Due, floor: Floor) -> str:
        """Its own; when nobody is signed in to that, the next that the citizen asked for, then his number's default queue.

        To be asked of a debt that is half through its time, else of one whose queue is staffed.
        """
        own = self.live(due.queue)
        if floor.is_staffed(own):
            return own
        others = [queue for queue in map(self.live, due.queues_wanted) if floor.is_staffed(queue)]
        if others:
            return others[0]
        default = self.default(due.number_called) if due.number_called is not None else None
        return default if default is not None and floor.is_staffed(default) else own


def candidates(
    session: Session,
    floor: Floor,
    queues: Queues,
    reach: Reach,
    policy: CallbackPolicies,
    now: datetime,
    *,
    only_critical: bool,
) -> Iterator[Candidate]:
    """One by one, whoever of all queues is first in line: queues that share agents share their room as well. Who cannot
    be dialled now is passed over. After reach.begin_round."""
    with_due = queues_with_due(session, now)
    roomy = _with_room(floor, policy)
    own = {queue for queue in with_due if queues.live(queue) in roomy}
    unstaffed = {queue for queue in with_due if roomy and not floor.is_staffed(queues.live(queue))}
    if not own and not unstaffed:
        return
    for due in due_in_line(session, now, policy, own, late_in=unstaffed, only_critical=only_critical):
        queue = queues.of(due, floor)
        if queue not in roomy or reach.of(due) is not Can.BE_DIALLED:
            continue
        yield Candidate(due.callback_id, queue)
        floor = floor.with_placeholders(queue, 1)
        roomy = _with_room(floor, policy)
        if not roomy:
            return


def _with_room(floor: Floor, policy: CallbackPolicies) -> frozenset[str]:
    staffed = frozenset[str]().union(*(agent.queues for agent in floor.on_duty))
    return frozenset(queue for queue in staffed if floor.has_room(queue, policy))
