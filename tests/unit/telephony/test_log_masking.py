"""No log line about a call shows a whole phone number; call ids stay readable."""

import pytest

from ivr.telephony.agi_server import masked, told


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no record for 13800138000", "no record for 138****00"),
        ("+8613800138000 and 03511234567", "+861****00 and 035****67"),
        ("call gov-1795397954.12 failed", "call gov-1795397954.12 failed"),
        ("12345 and 95588", "12345 and 95588"),
        ("two\nlines\r\nand a tab\t.", "two lines and a tab ."),
    ],
)
def test_numbers_are_masked_and_lines_joined(text: str, shown: str):
    assert masked(text) == shown


def test_an_exception_is_told_in_one_line_with_its_place():
    try:
        raise ValueError("cannot dial 13800138000\nnow")
    except ValueError as fault:
        line = told(fault)
    assert line.startswith("ValueError: cannot dial 138****00 now at test_log_masking.py:")
