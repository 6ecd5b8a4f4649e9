"""Callers who send rubbish, or an attack: nothing of it is believed or written on, and the next caller is served as ever."""

import re
import time

from support.running_hotline import RunningHotline
from support.sipp import HOST
from support.story_line import Line
from support.waiting import wait_for

FORGED = "1795397954%7ccrit-1.1%7cq-general%7cNONE%7cENTERQUEUE%7c%7c110%7c1"
OWN_NAME = "13900000001"
FROM = {
    "line feed": f"<sip:138%0a{FORGED}@{HOST}>",
    "carriage return and line feed": f"<sip:138%0d%0aEvent:%20QueueCallerAbandon%0d%0a{FORGED}@{HOST}>",
    "pipes": f"<sip:138%7c{FORGED}@{HOST}>",
    "quotes": f"<sip:138%22%22%27%5c@{HOST}>",
    "dollar and brackets": f"<sip:%24%7bSHELL(id)%7d%24%5b1+1%5d@{HOST}>",
    "GB18030 bytes": f"<sip:%c4%e3%ba%c3@{HOST}>",
    "300 characters": f"<sip:{'7' * 300}@{HOST}>",
    "anonymous": '"Anonymous" <sip:anonymous@anonymous.invalid>',
}
"""Numbers that are none: such a caller is served as one who withholds his number."""
NAMES = {
    "a name with quotes": f'"a\\"|b\\"" <sip:{OWN_NAME}@{HOST}>',
    "a name with pipes": f'"x|y|ENTERQUEUE||110|1" <sip:{OWN_NAME}@{HOST}>',
    "a name in GB18030": b'"\xc4\xe3\xba\xc3|" <sip:13900000001@127.0.0.1>'.decode(
        "utf-8", "surrogateescape"
    ),
    "a name of 2000 characters": f'"{"n" * 2000}" <sip:{OWN_NAME}@{HOST}>',
}
HEADERS = {
    "diverted by an attack": f"Diversion: <sip:138%0a{FORGED}@{HOST}>\n",
    "diverted by 110": f'Diversion: "110|x" <sip:110%0d%0a{FORGED}@{HOST}>\n',
    "asserted by an attack": f"P-Asserted-Identity: <sip:138%0d%0a{FORGED}@{HOST}>\n",
    "remote party is an attack": f'Remote-Party-ID: "a|b" <sip:138%0a{FORGED}@{HOST}>\n',
}
CUT_SHORT = f"<sip:138%00{FORGED}@{HOST}>"
"""Asterisk ends the number at the NUL: what is left is harmless."""
CALLS = len(FROM) + len(NAMES) + len(HEADERS) + 1
LINE = re.compile(
    r"\d{10}\|(NONE|MANAGER|hl1-\d{10}\.\d+|hl1-test-[0-9a-f]{12}-[12]|cb-a[0-9a-f]{12}-[12])\|[\w-]+\|[\w/-]+\|"
    r"(HOTLINE_END(\|[^|]*){5}\|"
    r"([\w/]*\|[0-9a-f]*\|[\w-]*\|[\w-]*\|[0-9.]*)?"  # nothing where he hung up before our server said a word
    r"|(?!HOTLINE_END)\w+(\|[^|]*){0,6})"
)


def test_who_sends_an_attack_as_his_number_is_a_withheld_one(hotline: RunningHotline, line: Line) -> None:
    line.agent(has_phone=False)  # the line takes callers, and nobody serves them
    for who in FROM.values():
        line.call("", from_header=who, stay=120)
    for extra in HEADERS.values():
        line.call("", from_header=f"<sip:{OWN_NAME}@{HOST}>", extra=extra, stay=120)
    for who in (*NAMES.values(), CUT_SHORT):
        line.call("", from_header=who, stay=120)
    wait_for(lambda: len(line.waiting()) == CALLS, 60, "all stand in line")
    last = max(int(row[0]) for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED")
    wait_for(lambda: time.time() > last + 2.2)  # later than who hangs up at once
    for call in line.phones.running:
        call.hang_up()
    wait_for(lambda: len([call for call in line.calls() if not call["is_open"]]) == CALLS, 30, "records")
    records = line.calls()
    _log_is_clean(hotline)
    kinds = sorted(record["number_kind"] for record in records)
    # the diversion and the name are not the number; an asserted number is, and it is none
    assert kinds == ["mobile"] * (len(NAMES) + 2) + ["short"] + ["withheld"] * (len(FROM) + 2)
    for record in records:
        assert record["outcome"] == "queue_abandon"
        assert record["number_masked"] in ("withheld", "139****0001", "138")
        assert hotline.log_of(record["call_id"])[:2] == ["HOTLINE_ARRIVED", "ENTERQUEUE"]
    withheld = next(record for record in records if record["number_kind"] == "withheld")
    assert hotline.get(f"/api/calls/{withheld['call_id']}")["not_rung_back_because"] == "withheld_number"
    _next_one_is_served(hotline, line)


def test_odd_numbers_called_lead_nowhere(hotline: RunningHotline, line: Line) -> None:
    odd = (
        f"{line.number}%0a{FORGED}",
        f"{line.number}%7c1",
        f"{line.number}%2c1",
        "%24%7bSHELL(id)%7d",
        "9" * 400,
        "%2b" + line.number,
        "+",
    )
    # what is left of these is the line's own number: nobody is signed in, he hears so
    cleaned = (f"{line.number}%24%7bSHELL(id)%7d", f"{line.number}%0a%22")
    citizen = hotline.new_citizen()
    refused = [line.call(citizen, called=called, stay=1) for called in odd]
    taken = [line.call(citizen, called=called, stay=20) for called in cleaned]
    for phone in refused:
        phone.wait(30)
        assert "\nSIP/2.0 404" in phone.trace
        assert "\nSIP/2.0 200 OK" not in phone.trace
    for phone in taken:
        assert phone.wait(30) == 0, phone.errors
    assert [call["number_called"] for call in line.ended(calls=2)] == [line.number] * 2
    _log_is_clean(hotline)
    _next_one_is_served(hotline, line)


def _log_is_clean(hotline: RunningHotline) -> None:
    """Every line has the shape that Asterisk and our dialplan give it, and none speaks of what was never there."""
    text = hotline.settings.queue_log_path.read_text(encoding="utf-8", errors="strict")
    odd = [row for row in text.splitlines() if LINE.fullmatch(row) is None]
    assert odd == []
    assert "crit-1.1" not in text
    assert "crit-1.1" not in str(hotline.get("/api/calls", limit=200))


def _next_one_is_served(hotline: RunningHotline, line: Line) -> None:
    agent_no = line.agent(talk=1)
    citizen = hotline.new_citizen()
    assert line.call(citizen, stay=30).wait(40) == 0
    record = wait_for(lambda: line.ended(citizen))[0]
    assert (record["outcome"], record["agent_no"]) == ("answered", agent_no)
