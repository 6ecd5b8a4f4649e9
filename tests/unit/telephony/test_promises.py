"""Nobody is promised a call back whom the policy will not ring; and the usual forms of numbers are promised one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hotline import defaults_door
from ivr.config_files.checker import Configuration, check
from ivr.config_files.running import Running
from ivr.lines import Lines
from ivr.prompts.rendering import PromptLibrary
from ivr.telephony.promises import NOBODY, callers_promised, promised_at
from missed_call_redial.policy import LostCall, reason_to_refuse
from tickets.outcome import Outcome

MOBILE = "13900010001"
FORMS = ("{0}", "0{0}", "+86{0}", "0086{0}", "86{0}", "17909{0}", "1790986{0}")
LANDLINE_FORMS = ("0355{0}", "+86355{0}", "86355{0}", "00860355{0}", "{0}", "17909{0}", "179090355{0}")


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    return found


def lines_with(shipped: Configuration, **changes: object) -> Lines:
    """`changes` of the one trunk."""
    trunk = shipped.lines.trunks[0].model_copy(update={"caller_prefixes_in": ["17909"], **changes})
    return shipped.lines.model_copy(update={"trunks": [trunk]})


def is_promised(lines: Lines, caller: str) -> bool:
    return re.search(callers_promised(lines.trunks[0], lines), caller) is not None


def is_owed_and_dialled(shipped: Configuration, lines: Lines, caller: str) -> bool:
    """As when the call is lost, after its number was handled by the trunk's rules, kept, and looked up again."""
    configuration = Configuration(**{**vars(shipped), "lines": lines})
    running = Running(configuration, PromptLibrary({}, {}), False)
    number = running.number_of(caller, lines.trunks[0].name)
    lost = LostCall(Outcome.NO_AGENT, number.kind, None, True)
    return reason_to_refuse(configuration.callbacks, lost) is None and running.may_be_dialled(number)


@pytest.mark.parametrize("form", FORMS)
def test_a_mobile_in_any_usual_form_is_promised_a_call(shipped: Configuration, form: str) -> None:
    lines = lines_with(shipped)
    assert is_promised(lines, form.format(MOBILE))
    assert is_owed_and_dialled(shipped, lines, form.format(MOBILE))


@pytest.mark.parametrize("form", LANDLINE_FORMS)
def test_a_landline_in_any_usual_form_is_promised_a_call(shipped: Configuration, form: str) -> None:
    lines = lines_with(shipped)
    assert is_promised(lines, form.format("2021234"))
    assert is_owed_and_dialled(shipped, lines, form.format("2021234"))


@pytest.mark.parametrize(
    "caller", ["", "110", "12315", "95588", "10086", "4001234567", "08001234567", "0014155550123", "16812345"]
)
def test_others_are_not(shipped: Configuration, caller: str) -> None:
    lines = lines_with(shipped)
    assert not is_promised(lines, caller)
    assert not is_owed_and_dialled(shipped, lines, caller)


def test_who_may_not_be_dialled_is_not(shipped: Configuration) -> None:
    assert not is_promised(lines_with(shipped, allow_out=["0ZXXXXXXXXX"]), MOBILE)
    assert is_promised(lines_with(shipped, allow_out=["139XXXXXXXX"]), MOBILE)
    assert not is_promised(lines_with(shipped, allow_out=["138XXXXXXXX"]), MOBILE)
    assert (
        callers_promised(lines_with(shipped, allow_out=[]).trunks[0], lines_with(shipped, allow_out=[]))
        == NOBODY
    )


def test_what_only_a_test_trunk_beside_a_real_one_may_dial_is_not(shipped: Configuration) -> None:
    trial = shipped.lines.trunks[0]
    assert trial.is_test
    real = trial.model_copy(update={"name": "real", "is_test": False, "allow_out": []})
    lines = shipped.lines.model_copy(update={"trunks": [trial, real]})
    assert not is_promised(lines, MOBILE)
    assert not is_owed_and_dialled(shipped, lines, MOBILE)
    alone = shipped.lines.model_copy(update={"trunks": [trial]})
    assert is_promised(alone, MOBILE)
    assert is_owed_and_dialled(shipped, alone, MOBILE)


NUMBERS = st.one_of(
    st.text("0123456789", max_size=14),
    st.from_regex(r"(1[3-9]|0[1-9]|[2-8]|10|400|800|95|96|106)[0-9]{3,10}", fullmatch=True),
)
HEADS = st.sampled_from(["", "+86", "0086", "86", "17909", "17909+86", "+", "00", "0", "0355", "860"])


@given(st.builds(str.__add__, HEADS, NUMBERS), st.sampled_from(["0355", "010", "021", "0901"]))
@example("+861062345678", "0355")
@example("1062345678", "0355")
@example("4002345678", "0355")
@example("862021234", "0862")
def test_whoever_is_promised_a_call_is_owed_it(shipped: Configuration, caller: str, area: str) -> None:
    """But for a mobile that begins with the trunk's own prefix: nobody knows which of the two it is."""
    lines = lines_with(shipped, area_code=area)
    if is_promised(lines, caller) and not re.fullmatch("17909[0-9]{6}", caller):
        assert is_owed_and_dialled(shipped, lines, caller)


def test_a_long_list_of_plans_promises_nothing_rather_than_half(shipped: Configuration) -> None:
    plans = [f"0{area}[2-8]X{last:02}XXXX" for area in range(310, 320) for last in range(40)]
    lines = lines_with(shipped, allow_out=plans)
    assert callers_promised(lines.trunks[0], lines) == NOBODY


def test_the_kinds_that_policy_rings_back_are_promised() -> None:
    assert promised_at(set(Outcome)) == {"FULL": True, "NO_AGENT": True, "TIMEOUT": True}
    assert promised_at({Outcome.QUEUE_FULL, Outcome.QUEUE_TIMEOUT}) == {
        "FULL": True,
        "NO_AGENT": False,
        "TIMEOUT": False,
    }
