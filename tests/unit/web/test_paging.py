from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.web.paging import BadCursor, cut, read_cursor, write_cursor

MOMENTS = st.datetimes(timezones=st.just(UTC))
IDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40)


@given(MOMENTS, IDS, st.integers(0, 2**63 - 1))
def test_a_cursor_gives_back_its_key(moment: datetime, call_id: str, number: int) -> None:
    cursor = write_cursor(moment, call_id, number)
    assert read_cursor(cursor, datetime, str, int) == (moment, call_id, number)
    assert cursor.replace("-", "").replace("_", "").isalnum()


@given(st.one_of(st.text(max_size=80), st.text("abcdefghijklmnopqrstuvwxyzABCWMyI0123456789_-", max_size=80)))
def test_no_other_text_is_a_cursor_or_a_fault(text: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(text, datetime, str)


@pytest.mark.parametrize(
    "key",
    [
        ("2026-03-02T00:00:00", 1),  # no offset
        (1, 1),
        ("2026-03-02T00:00:00+00:00", True),
        ("2026-03-02T00:00:00+00:00", -1),
        ("2026-03-02T00:00:00+00:00", 2**63),
        ("2026-03-02T00:00:00+00:00",),
    ],
)
def test_a_key_of_another_shape_is_refused(key: tuple[str | int, ...]) -> None:
    with pytest.raises(BadCursor):
        read_cursor(write_cursor(*key), datetime, int)


def test_the_last_page_has_no_cursor() -> None:
    assert cut([1, 2], 2, lambda n: (n,)) == ([1, 2], None)
    items, cursor = cut([1, 2, 3], 2, lambda n: (n,))
    assert (items, read_cursor(cursor or "", int)) == ([1, 2], (2,))
