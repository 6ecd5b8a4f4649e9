"""Keyset paging: a cursor holds the sort key of the last item, so new rows neither repeat nor hide one."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import Mapped
from sqlmodel import Session
from sqlmodel.sql.expression import SelectOfScalar

from vocabulary.errors import HotlineError

Key = str | int | datetime
Row = TypeVar("Row")

_LARGEST: Final = 2**63 - 1


class BadCursor(HotlineError):
    """The cursor is not one that this list gave."""

    def __init__(self) -> None:
        super().__init__("the cursor is not one of this list")


def write_cursor(*key: Key) -> str:
    """URL-safe and opaque: clients send it back unread."""
    parts = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type[Any]) -> tuple[Any, ...]:
    """The key, its parts of these kinds. Raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise BadCursor
        return tuple(_read_part(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (binascii.Error, ValueError, OverflowError, RecursionError) as error:
        raise BadCursor from error


def _read_part(part: object, kind: type[Any]) -> Key:
    if kind is datetime and isinstance(part, str):
        moment = datetime.fromisoformat(part)
        if moment.tzinfo is not None:
            return moment.astimezone(
                UTC
            )  # what lies outside the calendar overflows here, not in the database
    if kind is str and isinstance(part, str) and "\x00" not in part and part.isprintable():
        return part
    if kind is int and type(part) is int and 0 <= part <= _LARGEST:
        return part
    raise BadCursor


def older_than(
    first: Mapped[Any], first_value: Key, second: Mapped[Any], second_value: Key
) -> ColumnElement[bool]:
    """Rows after this key where both columns fall. The plain first condition lets an index be used."""
    return and_(first <= first_value, or_(first < first_value, second < second_value))


def fetch_page(
    session: Session, statement: SelectOfScalar[Row], limit: int, key: Callable[[Row], tuple[Key, ...]]
) -> tuple[Sequence[Row], str | None]:
    """The rows of one page of an ordered statement, and the cursor of the next page if there is one."""
    return cut(session.exec(statement.limit(limit + 1)).all(), limit, key)


def cut(
    rows: Sequence[Row], limit: int, key: Callable[[Row], tuple[Key, ...]]
) -> tuple[Sequence[Row], str | None]:
    """`rows` hold one more than `limit` if there is a next page."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], write_cursor(*key(rows[limit - 1]))
