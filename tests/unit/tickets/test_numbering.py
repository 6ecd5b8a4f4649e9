"""The form of a ticket's number, and what its last digit notices."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tickets.codes import TicketNumbering
from tickets.numbering import check_digit, is_written_right, write

DAY = date(2026, 11, 23)


def test_the_number_as_shipped():
    number = write(TicketNumbering(area6="140100"), DAY, 7)
    assert number == "1401002026112300007" + check_digit("1401002026112300007")
    assert len(number) == 20
    assert is_written_right(number)


def test_check_digit_is_that_of_barcodes():
    assert check_digit("400638133393") == "1"  # a well-known example of EAN-13
    assert check_digit("") == "0"


def test_a_day_with_more_than_the_sequence_holds_grows_longer():
    assert write(TicketNumbering(area6="140100", template="{yymmdd}-{seq4}"), DAY, 12_345) == "261123-12345"


@given(st.from_regex(r"[0-9]{19}", fullmatch=True), st.integers(0, 19), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(before: str, place: int, shift: int):
    number = before + check_digit(before)
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert is_written_right(number)
    assert not is_written_right(wrong)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{area6}{yyyymmdd}", "needs a sequence"),
        ("{area6}{seq5}", "the sequence starts anew each day"),
        ("{area6}{yyyymmdd}{seq5}{colour}", "has no field"),
        ("{check}{yyyymmdd}{seq5}", "must stand at the end"),
        ("{yyyymmdd}{seq5} 号", "holds only"),
    ],
)
def test_templates_that_make_no_sense(template: str, words: str):
    with pytest.raises(ValidationError, match=words):
        TicketNumbering(area6="140100", template=template)
