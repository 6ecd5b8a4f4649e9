"""A number is written in many ways and means one party; a mask shows enough and never all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocabulary.phone_numbers import NumberKind, PhoneNumber, is_rung_back, mask, national, normalise

MOBILE, LANDLINE = NumberKind.MOBILE, NumberKind.LANDLINE


@pytest.mark.parametrize(
    "raw",
    [
        "13800138000",
        "+8613800138000",
        "8613800138000",
        "008613800138000",
        "013800138000",
        "+86 138 0013 8000",
        "138-0013-8000",
        "１３８００１３８０００",
        "+13800138000",
    ],
)
def test_one_mobile_in_many_spellings(raw: str):
    assert normalise(raw, area_code="0351") == PhoneNumber("+8613800138000", MOBILE)


@pytest.mark.parametrize(
    "raw",
    [
        "2021234",
        "03512021234",
        "0351-2021234",
        "3512021234",
        "+863512021234",
        "+8603512021234",
        "00863512021234",
        "863512021234",
        "(0351)2021234",
        "0351-2021234-801",
        "0351 2021234转801",
        "03512021234,801",
        "2021234*801",
    ],
)
def test_one_landline_in_many_spellings(raw: str):
    assert normalise(raw, area_code="0351") == PhoneNumber("+863512021234", LANDLINE)


@pytest.mark.parametrize("raw", ["010-62345678", "+861062345678", "861062345678", "0086 10 6234 5678"])
def test_a_number_of_beijing_is_no_sender_of_messages(raw: str):
    """10 and 6… read together look like 106…; the canonical form must still be read as what it is, or nobody rings back."""
    found = normalise(raw, area_code="0351")
    assert found == PhoneNumber("+861062345678", LANDLINE)
    assert normalise(found.digits, area_code="0351") == found
    assert normalise("1062345678901", area_code="0351").kind is NumberKind.SHORT


@pytest.mark.parametrize(
    ("raw", "digits", "kind"),
    [
        ("010-82345678", "+861082345678", LANDLINE),
        ("02882345678", "+862882345678", LANDLINE),
        ("12315", "12315", NumberKind.SHORT),
        ("95588", "95588", NumberKind.SHORT),
        ("035112345", "12345", NumberKind.SHORT),
        ("01012345", "01012345", NumberKind.SHORT),
        ("1001", "1001", NumberKind.SHORT),
        ("4008001234", "4008001234", NumberKind.SERVICE),
        ("8008101234", "8008101234", NumberKind.SERVICE),
        ("110", "110", NumberKind.EMERGENCY),
        ("0351120", "120", NumberKind.EMERGENCY),
        ("16885678", "16885678", NumberKind.PREMIUM),
        ("035116885678", "16885678", NumberKind.PREMIUM),
        ("+14155552671", "+14155552671", NumberKind.FOREIGN),
        ("0085223456789", "+85223456789", NumberKind.FOREIGN),
        ("", "", NumberKind.WITHHELD),
        ("anonymous", "", NumberKind.WITHHELD),
        ("Unknown", "", NumberKind.WITHHELD),
        ("1", "1", NumberKind.INVALID),
        ("0", "0", NumberKind.INVALID),
        ("1380013800", "1380013800", NumberKind.INVALID),
        ("+999999999", "999999999", NumberKind.INVALID),
        ("王先生", "", NumberKind.INVALID),
        ("138\r\n0013", "1380013", NumberKind.INVALID),
        ("9" * 500, "9" * 20, NumberKind.INVALID),
    ],
)
def test_kinds(raw: str, digits: str, kind: NumberKind):
    found = normalise(raw, area_code="0351")
    assert (found.digits, found.kind) == (digits, kind)


def test_no_number_at_all_is_withheld():
    assert normalise(None, area_code="0351").kind is NumberKind.WITHHELD


def test_a_trunks_prefix_is_cut_once_the_longest_first():
    assert normalise("9913800138000", area_code="0351", strip_prefixes=("9", "99")).digits == "+8613800138000"
    assert normalise("9", area_code="0351", strip_prefixes=("9",)).kind is NumberKind.INVALID


def test_local_numbers_need_a_sensible_area_code():
    assert normalise("2021234", area_code="").kind is NumberKind.INVALID
    assert normalise("2021234", area_code="010").kind is NumberKind.INVALID  # Beijing has eight digits


@given(st.text(max_size=80), st.sampled_from(["0351", "010", "", "rubbish"]))
def test_whatever_comes_in_nothing_is_raised(raw: str, area_code: str):
    found = normalise(raw, area_code=area_code)
    mask(found), national(found)
    assert len(found.digits) <= 24


@given(st.text(alphabet="0123456789+- ", max_size=20))
def test_the_canonical_form_is_its_own(raw: str):
    found = normalise(raw, area_code="0351")
    if found.kind in (MOBILE, LANDLINE, NumberKind.FOREIGN):
        assert normalise(found.digits, area_code="0351") == found
        assert normalise(national(found), area_code="0351") == found


@given(st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True))
def test_a_mask_never_holds_the_number(digits: str):
    number = normalise(digits, area_code="0351")
    assert digits not in mask(number)
    assert sum(character.isdigit() for character in mask(number)) == 7


@pytest.mark.parametrize(
    ("raw", "masked", "dialled"),
    [
        ("13800138000", "138****8000", "13800138000"),
        ("03512021212", "0351****12", "03512021212"),
        ("01082345678", "010****78", "01082345678"),
        ("12315", "12315", "12315"),
        ("+14155552667", "+1*****67", "0014155552667"),
        ("+85223456789", "+852*****89", "0085223456789"),
        ("anonymous", "withheld", ""),
        ("rubbish", "invalid", ""),
    ],
)
def test_masks_and_national_forms(raw: str, masked: str, dialled: str):
    number = normalise(raw, area_code="0351")
    assert (mask(number), national(number)) == (masked, dialled)


def test_only_a_citizens_own_telephone_is_rung_back():
    assert {kind for kind in NumberKind if is_rung_back(kind)} == {MOBILE, LANDLINE}
