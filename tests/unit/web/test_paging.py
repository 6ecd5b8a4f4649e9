import base64
import json
from datetime import UTC, datetime, timedelta, timezone

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


OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EDGES = st.sampled_from((datetime.min, datetime.max)).flatmap(
    lambda edge: OFFSETS.map(lambda zone: edge.replace(tzinfo=zone))
)
ANY_PART = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.lists(st.integers(), max_size=2),
)


@given(st.lists(st.one_of(ANY_PART, EDGES.map(datetime.isoformat)), min_size=2, max_size=2))
def test_whatever_json_a_cursor_holds_it_is_a_key_or_refused(parts: list[object]) -> None:
    """A key that is taken can be compared in the database, so its moment must be one in UTC."""
    cursor = base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")
    try:
        moment, call_id = read_cursor(cursor, datetime, str)
    except BadCursor:
        return
    assert (moment.tzinfo, moment.astimezone(UTC), call_id) == (UTC, moment, parts[1])


@pytest.mark.parametrize(
    "key",
    [
        ("2026-03-02T00:00:00", 1),  # no offset
        (1, 1),
        ("9999-12-31T23:59:59-23:59", 1),  # not in the calendar of UTC
        ("0001-01-01T00:00:00+23:59", 1),
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
