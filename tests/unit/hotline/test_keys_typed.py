"""What `hotline menus simulate --keys` means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.menu_trial import BadSupposition, keys_of


@pytest.mark.parametrize(
    ("typed", "pressed"),
    [
        ("", []),
        ("1", ["1"]),
        ("1,,9", ["1", None, "9"]),
        (",", [None, None]),
        ("1, 2", ["1", "2"]),
        ("123456#", ["1", "2", "3", "4", "5", "6", "#"]),
        ("1,20#,,1", ["1", "2", "0", "#", None, "1"]),
    ],
)
def test_commas_part_and_a_run_is_one_key_after_the_other(typed: str, pressed: list[str | None]) -> None:
    assert keys_of(typed) == pressed


@given(st.lists(st.sampled_from("0123456789*#"), min_size=1, max_size=32))
def test_a_run_means_what_its_keys_mean_with_commas(keys: list[str]) -> None:
    assert keys_of("".join(keys)) == keys_of(",".join(keys)) == keys


@pytest.mark.parametrize("typed", ["12a", "1;2", "1 2", "1" * 33, "１"])
def test_what_is_on_no_telephone_is_refused(typed: str) -> None:
    with pytest.raises(BadSupposition, match="cannot be pressed on a telephone"):
        keys_of(typed)
