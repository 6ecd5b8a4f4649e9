"""A carrier's trunk by registration: we register, its calls come in in its own forms, ours go out in the form that it wants.

And when it is dead for a while, that is seen, and nobody is dialled in vain. The carrier is a SIPp that checks our secret.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.carrier import ADDRESS, USERNAME, Carrier
from support.running_hotline import TEST_CHANGES, RunningHotline, a_running_hotline
from support.sipp import HOST
from support.story_line import Line
from support.waiting import wait_for

SECRET = "carrier-secret-for-tests"
PREFIX_OUT = "80"


@pytest.fixture(scope="module")
def carrier() -> Iterator[Carrier]:
    carrier = Carrier(SECRET)
    carrier.switch_on()
    try:
        yield carrier
    finally:
        carrier.stop()


@pytest.fixture(scope="module")
def hotline(carrier: Carrier) -> Iterator[RunningHotline]:
    def by_registration(found: dict[str, Any]) -> None:
        TEST_CHANGES["hotline.yaml"](found)
        found["trunks"][0]["allow_out"] = []  # the carrier's is the only way out
        found["trunks"].append(
            {
                "name": "carrier-a",
                "mode": "registration",
                "host": ADDRESS,
                "port": carrier.port,
                "username": USERNAME,
                "secret_env": "TRUNK_CARRIER_A_SECRET",
                "called_prefixes_in": ["0355", "+860355"],
                "caller_prefixes_in": ["17909"],
                "prefix_out": PREFIX_OUT,
                "caller_id_out": USERNAME,
                "allow_out": ["1[3-9]XXXXXXXXX"],
                "allow_transfer": ["110", "119", "120", "122"],
                "qualify_seconds": 5,
            }
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRUNK_CARRIER_A_SECRET", SECRET)
        for hotline in a_running_hotline(changes={"hotline.yaml": by_registration}):
            carrier.sip_port = hotline.settings.sip_port
            yield hotline


@pytest.fixture
def contact(hotline: RunningHotline, carrier: Carrier) -> str:
    """Where we asked the carrier to send our calls; it has accepted our secret by then."""
    wait_for(lambda: "Registered" in hotline.ask("pjsip show registrations"), 20, carrier.trace)
    return wait_for(carrier.contact, 10, carrier.trace)


def _read(hotline: RunningHotline, path: str) -> str:
    """/readyz and /metrics as a watchdog sees them: 503 is an answer too."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{HOST}:{hotline.settings.http_port}{path}", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def part(hotline: RunningHotline, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_read(hotline, "/readyz"))["parts"][name]
    return found


def metric(hotline: RunningHotline, name: str) -> float | None:
    rows = [row.rpartition(" ") for row in _read(hotline, "/metrics").splitlines()]
    return next((float(value) for series, _, value in rows if series == name), None)


def test_the_carriers_forms_of_numbers_become_our_own(
    hotline: RunningHotline, line: Line, carrier: Carrier, contact: str
) -> None:
    """It puts prefixes before the number called and before the caller; or it sends all to the address that we registered."""
    forms = {
        "with the area code": (f"0355{line.number}", ""),
        "with the country's code": (f"+860355{line.number}", ""),
        "as it is": (line.number, ""),
        "with a context": (f"0355{line.number};phone-context=+86", ""),
        "to what we registered": (contact, f"0355{line.number}"),
        "to what we registered, with a context": (contact, f"0355{line.number};phone-context=+86"),
    }
    citizens = {form: hotline.new_citizen() for form in forms}
    calls = {
        form: carrier.call(f"17909{citizens[form]}", called, to=to) for form, (called, to) in forms.items()
    }
    for form, call in calls.items():
        assert call.wait(40) == 0, (form, call.errors, call.trace)
        (record,) = line.ended(citizens[form])  # by the number as it is after its prefix was taken off
        assert (record["number_called"], record["trunk"]) == (line.number, "carrier-a"), form
        assert (record["number_kind"], record["number_masked"][:3]) == ("mobile", citizens[form][:3]), form
        assert record["outcome"] == "no_agent", form


def test_a_call_over_it_is_answered(
    hotline: RunningHotline, line: Line, carrier: Carrier, contact: str
) -> None:
    agent_no = line.agent(talk=1)
    citizen = hotline.new_citizen()
    assert carrier.call(f"17909{citizen}", contact, to=f"0355{line.number}").wait(40) == 0
    (record,) = line.ended(citizen)
    assert (record["outcome"], record["agent_no"]) == ("answered", agent_no)


def test_a_missed_call_is_rung_back_on_its_own_trunk(
    hotline: RunningHotline, line: Line, carrier: Carrier, contact: str
) -> None:
    assert contact
    agent_no = line.agent(is_signed_in=False)
    citizen = hotline.new_citizen()
    carrier.call(f"17909{citizen}", f"0355{line.number}")  # nobody is signed in
    assert line.ended(citizen)[0]["outcome"] == "no_agent"
    wait_for(lambda: line.callbacks(citizen))
    line.sign_in(agent_no)
    done = wait_for(
        lambda: [one for one in line.callbacks(citizen) if one["closing_code"]], 40, carrier.trace
    )[0]
    assert (done["closing_code"], done["agent_no"]) == ("connected", agent_no)
    dialled = wait_for(
        lambda: carrier.trace.rpartition(f"\nINVITE sip:{PREFIX_OUT}{citizen}@{ADDRESS}")[2], 5
    )
    assert f"From: <sip:{USERNAME}@" in dialled  # the number that the carrier knows us by
    assert f"INVITE sip:{citizen}@" not in carrier.trace


def test_a_dead_trunk_is_seen_and_callbacks_wait_until_it_lives(
    hotline: RunningHotline, line: Line, carrier: Carrier, contact: str
) -> None:
    assert contact
    assert wait_for(lambda: metric(hotline, 'hotline_trunk_up{trunk="carrier-a"}') == 1, 30)
    carrier.switch_off()
    try:
        wait_for(lambda: part(hotline, "trunks")["detail"]["carrier-a"] == "offline", 60)
        assert not part(hotline, "trunks")["is_up"]
        assert metric(hotline, 'hotline_trunk_up{trunk="carrier-a"}') == 0
        assert metric(hotline, 'hotline_part_up{part="trunks"}') == 0

        # a call from another trunk still comes in, is missed, and waits
        citizen = hotline.new_citizen()
        line.call(citizen, stay=20)
        line.ended(citizen)
        agent_no = line.agent()
        wait_for(lambda: line.has_member(agent_no, "Not in use"))
        (owed,) = wait_for(lambda: line.callbacks(citizen))
        # the dispatcher has looked at it, several times over
        due_at = datetime.fromisoformat(owed["due_at"])
        wait_for(
            lambda: datetime.fromisoformat(part(hotline, "dispatcher")["at"]) > due_at + timedelta(seconds=4),
            30,
        )
        assert part(hotline, "dispatcher")["is_up"]
        assert hotline.get(f"/api/callbacks/{owed['id']}")["attempts"] == []
    finally:
        carrier.switch_on()
    wait_for(lambda: part(hotline, "trunks")["detail"]["carrier-a"] == "online", 60)
    wait_for(lambda: metric(hotline, 'hotline_trunk_up{trunk="carrier-a"}') == 1, 10)
    done = wait_for(lambda: [one for one in line.callbacks(citizen) if one["closing_code"]], 40)[0]
    assert done["closing_code"] == "connected"
    assert [one["outcome"] for one in hotline.get(f"/api/callbacks/{owed['id']}")["attempts"]] == [
        "connected"
    ]
