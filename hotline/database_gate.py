"""A database that may be away when the server starts: nothing is read or written before it is known to be the right one.

To whoever asks meanwhile it is away, as it would be later in the day: callers are greeted and queued, and queue_log keeps
what happens until it can be taken in.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session

from hotline.as_found import first_line
from hotline.database import Database
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_TRIED_EVERY_SECONDS: Final = 1.0
_SAID_EVERY: Final = 30  # tries
T = TypeVar("T")


class DatabaseIsAway(OperationalError):
    """It was not reached since this process started."""

    def __init__(self) -> None:
        super().__init__("", None, ConnectionError("the database was not reached yet"))


class DatabaseIsNeeded(HotlineError):
    """Not even a start is possible without it; the text says why."""


class GatedDatabase(Database):
    """Raises DatabaseIsAway for all work until `open`."""

    def __init__(self, engine: Engine, prove: Callable[[Database], None]) -> None:
        super().__init__(engine)
        self._prove = prove
        self.is_open = False

    def open(self) -> None:
        """Raises SQLAlchemyError while it is not reached, and what `prove` raises if it is not ours."""
        if not self.is_open:
            self._prove(Database(self.engine))
            self.is_open = True

    @contextmanager
    def writing(self) -> Iterator[Session]:
        self._pass()
        with super().writing() as session:
            yield session

    def write(self, work: Callable[[Session], T]) -> T:
        self._pass()
        return super().write(work)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        self._pass()
        with super().reading() as session:
            yield session

    def _pass(self) -> None:
        if not self.is_open:
            raise DatabaseIsAway


async def open_when_there(database: Database) -> None:
    """Returns when it is reached. Raises HotlineError if it is not the one of this program and these keys."""
    tries = 0
    while isinstance(database, GatedDatabase) and not database.is_open:
        try:
            await asyncio.to_thread(database.open)
        except SQLAlchemyError as fault:
            if tries % _SAID_EVERY == 0:
                _log.error("the database is away, and tried every second: %s", first_line(fault))
            tries += 1
            await asyncio.sleep(_TRIED_EVERY_SECONDS)
    if tries:
        _log.info("the database is there")
