"""The short lists of config/codes.yaml."""

import pytest
from pydantic import ValidationError

from tickets.codes import Code, Codes


def test_lists_give_their_codes_and_the_numbering():
    codes = Codes(units=(Code(code="heating-co", name="热力公司", name_en="Heating company"),))
    assert codes.codes_of("units") == {"heating-co"}
    assert codes.codes_of("areas") == frozenset()
    assert codes.numbering("140100").template == "{area6}{yyyymmdd}{seq5}{check}"


def test_a_code_stands_once():
    with pytest.raises(ValidationError, match='units: the code "a" stands twice'):
        Codes(units=(Code(code="a", name="甲"), Code(code="a", name="乙")))


@pytest.mark.parametrize("code", ["", " a", "a b", "a\n", "甲"])
def test_a_code_is_plain(code: str):
    with pytest.raises(ValidationError):
        Code(code=code, name="甲")
