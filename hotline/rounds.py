"""Whether a round of the worker has anything to do: asked every second, so it must cost next to nothing."""

from typing import Final

from sqlalchemy import exists, literal, select
from sqlmodel import Session, col

from missed_call_redial.callbacks import Attempt, AttemptState, Callback, CallbackState
from tickets.connections import connection_of

# Named one by one: "not closed" would read every row that there ever was.
_OPEN: Final = [state.value for state in CallbackState if state is not CallbackState.CLOSED]
_RUNNING: Final = [state.value for state in AttemptState if state is not AttemptState.DONE]
_DEBTS: Final = select(literal(1)).where(
    exists().where(col(Callback.state).in_(_OPEN)) | exists().where(col(Attempt.state).in_(_RUNNING))
)


def has_debts(session: Session) -> bool:
    """Some callback is open, or some attempt has not come to its end."""
    return connection_of(session).execute(_DEBTS).first() is not None
