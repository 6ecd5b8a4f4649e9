"""What a file can do against the ways in which Asterisk bites; the stories in tests/asterisk show that it works.

A line is looked at where it stands (whose section, whose leg): a word found somewhere in a file shows little.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from support.asterisk_site import TEMPLATES, site

from hotline import defaults_door
from ivr.config_files.checker import check
from ivr.lines import Lines
from ivr.telephony.asterisk_files import render
from vocabulary import hotline_names

IN_A_HANGUP_HANDLER = "call_ended"
"""No time limit frees a leg there."""


@pytest.fixture(scope="module")
def lines() -> Lines:
    configuration, problems = check(defaults_door.shipped())
    assert configuration is not None, problems
    return configuration.lines


@pytest.fixture(scope="module")
def files(lines: Lines) -> Mapping[str, str]:
    """With a second trunk, one that we register with."""
    registered = lines.trunks[0].model_copy(
        update={"name": "carrier-a", "mode": "registration", "host": "192.0.2.7", "username": "u1"}
    )
    both = lines.model_copy(update={"trunks": [*lines.trunks, registered]})
    return render(both, site(trunk_secrets={"carrier-a": "s3cret-s3cret"}), TEMPLATES)


def _sections(text: str) -> list[tuple[str, dict[str, str]]]:
    """Asterisk's own way to read a file: a section may come again; option → value."""
    found: list[tuple[str, dict[str, str]]] = []
    for row in text.splitlines():
        line = row.partition(";")[0].strip()
        if line.startswith("["):
            found.append((line[1:].partition("]")[0], {}))
        elif line:
            option, _, value = line.partition("=")
            assert option.strip() not in found[-1][1], row
            found[-1][1][option.strip()] = value.strip()
    return found


@dataclass(frozen=True)
class Step:
    """One line of the dialplan: `does` is application and arguments."""

    context: str
    exten: str
    does: str


def _steps(dialplan: str) -> list[Step]:
    found, context, exten = [], "", ""
    for row in dialplan.splitlines():
        if section := re.match(r"\[([\w-]+)\]", row):
            context = section[1]
        elif step := re.match(r"exten => ([^,]+),1,(.*)", row):
            exten = step[1]
            found.append(Step(context, exten, step[2]))
        elif step := re.match(r" same => n(?:\(\w+\))?,(.*)", row):
            found.append(Step(context, exten, step[1]))
    return found


def _arguments(does: str) -> list[str]:
    """Of an application, cut at the commas that stand in no bracket."""
    inside = does[does.index("(") + 1 : does.rindex(")")]
    found, depth = [""], 0
    for sign in inside:
        depth += {"(": 1, ")": -1, "{": 1, "}": -1}.get(sign, 0)
        if sign == "," and depth == 0:
            found.append("")
        else:
            found[-1] += sign
    return found


def test_every_queue_has_the_cures_and_its_own_numbers(lines: Lines) -> None:
    odd = lines.queues[0].model_copy(
        update={
            "name": "odd",
            "strategy": "fewestcalls",
            "weight": 7,
            "ring_seconds": 23,
            "retry_seconds": 4,
            "service_level_seconds": 17,
            "max_waiting": 41,
            "longest_wait_seconds": 77,
        }
    )
    changed = lines.model_copy(update={"queues": [*lines.queues, odd]})
    files = render(changed, site(), TEMPLATES)
    queues, data = dict(_sections(files["queues.conf"])), dict(_sections(files["hotline-data.conf"]))
    general = queues.pop("general")
    assert general["shared_lastcall"] == "yes"  # else wrap-up is skipped between two queues of one agent
    assert general["persistentmembers"] == "yes"  # members outlive a restart of Asterisk
    assert set(queues) == {f"{hotline_names.QUEUE_PREFIX}{queue.name}" for queue in changed.queues}
    cures = {
        "ringinuse": "no",
        "autopause": "no",
        "joinempty": "yes",
        "leavewhenempty": "no",
        "autofill": "yes",
        "wrapuptime": "3",
        "setinterfacevar": "yes",
        "announce-frequency": "0",
        "announce-position": "no",
        "announce-holdtime": "no",
    }
    for queue in changed.queues:
        shown = queues[f"{hotline_names.QUEUE_PREFIX}{queue.name}"]
        assert cures.items() <= shown.items(), queue.name
        assert "maxlen" not in shown
        assert shown.get("shared_lastcall", "yes") == "yes"
        assert (shown["strategy"], shown["weight"]) == (queue.strategy, str(queue.weight))
        assert (shown["timeout"], shown["retry"]) == (str(queue.ring_seconds), str(queue.retry_seconds))
        assert shown["servicelevel"] == str(queue.service_level_seconds)
        looked_up = data[f"queue:{queue.name}"]
        assert looked_up["max_waiting"] == str(queue.max_waiting)
        assert looked_up["longest_wait"] == str(queue.longest_wait_seconds)


def test_every_stay_in_a_queue_has_just_these_options(files: Mapping[str, str]) -> None:
    """Never n (who is first rung in vain leaves), t or T (an agent's # starts a transfer), never a position (it goes stale)."""
    stays = {
        step.context: _arguments(step.does)
        for step in _steps(files["extensions.conf"])
        if step.does.startswith("Queue(")
    }
    urls = {
        "hotline-call": "",
        "callback-queue": "attempt/${HOTLINE_ATTEMPT}",
    }  # by which a placeholder is known
    assert stays.keys() == urls.keys()
    for context, (queue, options, *rest) in stays.items():
        assert queue == "q-${HOTLINE_QUEUE}"
        assert rest == [urls[context], "", "${HOTLINE_LONGEST}"]
        assert "b(hotline-agent-leg^s^1)" in options
        assert set(re.sub(r"\([^)]*\)", "", options)) <= {"b", "c"}
    assert "c" in stays["hotline-call"][1].partition("b(")[0]  # he is not cut when the agent's leg ends
    in_words = [row for row in files["extensions.conf"].splitlines() if "Queue(" in row and row[0] != ";"]
    assert len(in_words) == len(stays), "one that is called in another way, or two in one context"


def test_no_leg_to_our_server_can_hold_a_line(files: Mapping[str, str]) -> None:
    """Each has a time limit and a way on when that is over, and its script ends with the line; a frozen server would else
    keep every caller in silence."""
    steps = _steps(files["extensions.conf"])
    legs = [n for n, step in enumerate(steps) if "AGI(" in step.does]
    names = {n: re.match(r"AGI\(\$\{HOTLINE_AGI\}/(\w+),", steps[n].does) for n in legs}
    assert sorted(name[1] for name in names.values() if name) == [
        *("agent_sign_in", "call_ended", "callback_answered", "incoming_call", "queue_left"),
    ]
    for n, name in names.items():
        assert name is not None, steps[n]
        before = [step.does for step in steps[:n] if step.context == steps[n].context]
        if name[1] == IN_A_HANGUP_HANDLER:
            assert before[-1] == 'GotoIf($["${HOTLINE_SILENT}${HOTLINE_SILENT_UNTIL}" != ""]?done)'
            continue
        limits = [does for does in before if does.startswith("Set(TIMEOUT(absolute)=")]
        assert limits[-1] == "Set(TIMEOUT(absolute)=${HOTLINE_STEP})", name[1]
        assert "Set(AGIEXITONHANGUP=yes)" in before, name[1]
        assert steps[n + 1].does == "Set(TIMEOUT(absolute)=0)", name[1]
        too_long = [step.does for step in steps if (step.context, step.exten) == (steps[n].context, "T")]
        assert too_long[0] == "Set(TIMEOUT(absolute)=0)", name[1]
        assert re.match(r"Hangup\(|Goto\(s,", too_long[-1]), name[1]


def test_a_trunk_is_known_by_its_address_alone_and_ghosts_leave(files: Mapping[str, str]) -> None:
    sections = _sections(files["pjsip.conf"])
    (settings,) = [options for name, options in sections if name == "global"]
    assert settings["endpoint_identifier_order"] == "username,ip"
    trunks = {name: options for name, options in sections if options.get("type") == "endpoint"}
    assert set(trunks) == {"trunk-test-loopback", "trunk-carrier-a"}
    for name, options in trunks.items():
        assert options["identify_by"] == "ip", name
        assert (options["timers"], options["timers_sess_expires"]) == ("always", "300"), name
        assert (options["rtp_timeout"], options["rtp_timeout_hold"]) == ("60", "300"), name
        assert options["context"] == "from-trunk", name
    assert "noload = res_pjsip_endpoint_identifier_anonymous.so" in files["modules.conf"].splitlines()


def test_the_other_files_hold_theirs(files: Mapping[str, str]) -> None:
    dialplan = _steps(files["extensions.conf"])
    assert dict(_sections(files["asterisk.conf"]))["options"]["live_dangerously"] == "no"
    assert (
        dict(_sections(files["logger.conf"].partition("[logfiles]")[0]))["general"]["rotatestrategy"]
        == "timestamp"
    )
    manager = dict(_sections(files["manager.conf"]))
    assert manager["general"]["timestampevents"] == "yes"
    rights = {right.strip() for right in manager["hotline"]["write"].split(",")}
    assert rights.isdisjoint({"system", "command", "config", "all"})
    assert [step.context for step in dialplan if "Dial(" in step.does] == [
        "dial-out",  # callbacks
        "transfer-out",  # citizens put through by a menu; each with a list of its own
    ]
    first = [step.does for step in dialplan if step.context == "from-trunk"]
    caller = next(n for n, does in enumerate(first) if does.startswith("Set(HOTLINE_CALLER=${FILTER("))
    blank = next(n for n, does in enumerate(first) if does.startswith('Set(CALLERID(all)=""'))
    onward = next(n for n, does in enumerate(first) if does == "Goto(hotline-call,s,1)")
    assert caller < blank < onward
    assert not [does for does in first if re.match(r"(QueueLog|AGI|Queue)\(", does)]
