"""A ticket leaves draft and gets its number: area, local day, a sequence from the database, a check digit.

The sequence is a row, never the clock: two desks at one moment get two numbers, a rolled back one leaves no
gap.
"""

import re
from datetime import date
from typing import Final

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Field, Session, SQLModel

from tickets.codes import TicketNumbering
from tickets.connections import connection_of


class TicketSequence(SQLModel, table=True):
    """The last number drawn in an area on a local day."""

    __tablename__ = "ticket_sequence"

    area6: str = Field(primary_key=True)
    day: date = Field(primary_key=True)
    last: int


SEQUENCES: Final = SQLModel.metadata.tables["ticket_sequence"]


def draw(session: Session, numbering: TicketNumbering, local_date: date) -> str:
    """The next number of that day; beyond the width of {seq5} it grows longer rather than start anew."""
    connection = connection_of(session)
    is_postgresql = connection.dialect.name == "postgresql"
    insert = (postgresql_insert if is_postgresql else sqlite_insert)(SEQUENCES)
    statement = (
        insert.values(area6=numbering.area6, day=local_date, last=1)
        .on_conflict_do_update(index_elements=["area6", "day"], set_={"last": SEQUENCES.c.last + 1})
        .returning(SEQUENCES.c.last)
    )
    return write(numbering, local_date, connection.execute(statement).scalar_one())


def write(numbering: TicketNumbering, local_date: date, sequence: int) -> str:
    """The template filled; {check} is computed over all digits before it."""
    filled = (
        numbering.template.replace("{area6}", numbering.area6)
        .replace("{yyyymmdd}", local_date.strftime("%Y%m%d"))
        .replace("{yymmdd}", local_date.strftime("%y%m%d"))
    )
    filled = re.sub(r"\{seq([4-8])\}", lambda width: f"{sequence:0{width[1]}d}", filled)
    before, mark, _ = filled.partition("{check}")
    return before + (check_digit(before) if mark else "")


def check_digit(text: str) -> str:
    """The digits of `text`, from the right weighted 3, 1, 3, 1 …, summed; what is missing to the next ten
    (the sum of GB 12904 barcodes). One wrong digit is always noticed, two swapped neighbours unless they
    differ by 5."""
    digits = [int(character) for character in text if character.isascii() and character.isdigit()]
    total = sum(digit * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_written_right(ticket_no: str) -> bool:
    """Whether a number of a template ending in {check} was copied without a slip."""
    return len(ticket_no) > 1 and check_digit(ticket_no[:-1]) == ticket_no[-1]
