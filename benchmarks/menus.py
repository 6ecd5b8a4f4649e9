"""What menus cost: steps of navigation, the check of a menu of 1,000 nodes, and callers in a menu of five levels beside the
same menu written by hand in the dialplan.

`python benchmarks menus [--quick] [--no-calls]` prints one table. See README.md here.
"""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

import yaml
from support.caller_scenarios import caller_scenario

from benchmarks.measuring import OtherWork, cpu_seconds, machine, median, print_table
from benchmarks.side_by_side import CHANGES, SideBySide, side_by_side, sipp
from hotline import defaults_door
from ivr.config_files.checker import check_files
from ivr.config_files.sources import read_sources
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import Play, WaitKey

LEVELS = 5
OURS, PLAIN = "20003", "20093"
CHECK_AIM_SECONDS = 1.0
STAY_SECONDS = 6.0
"""A key a second, and what Answer() waits for a first sound."""
_callers = count(1)

_LEVEL = """
[bench-level-{n}]
exten => s,1,Background(${{HOTLINE_PROMPTS}}/choose_matter)
 same => n,WaitExten(5)
 same => n,Goto(bench-person,s,1)
exten => 1,1,Goto({following},s,1)
exten => i,1,Goto(bench-person,s,1)
exten => t,1,Goto(bench-person,s,1)
"""
PLAIN_DIALPLAN = (
    f"\n[from-trunk](+)\nexten => {PLAIN},1,Answer()\n same => n,Goto(bench-level-1,s,1)\n"
    + "".join(
        _LEVEL.format(n=n, following=f"bench-level-{n + 1}" if n < LEVELS else "bench-end")
        for n in range(1, LEVELS + 1)
    )
    + "\n[bench-person]\nexten => s,1,Hangup()\n[bench-end]\nexten => s,1,Playback(${HOTLINE_PROMPTS}/goodbye)\n"
    " same => n,Hangup()\n"
)


def a_choice(keys: dict[str, str], silent: str = "person") -> dict[str, Any]:
    rules = {"no_key": {"then": silent}, "wrong_key": {"then": silent}}
    return {"kind": "menu", "prompts": ["choose_matter"], "wait_seconds": 5, "keys": keys, **rules}


def five_levels() -> dict[str, Any]:
    nodes = {
        f"l{n}": a_choice({"1": f"l{n + 1}" if n < LEVELS else "bye", "0": "person"})
        for n in range(1, LEVELS + 1)
    }
    ends = {"bye": {"kind": "hang_up", "prompts": ["goodbye"]}, "person": {"kind": "queue"}}
    return {"start": "l1", "nodes": nodes | ends}


def thousand_nodes() -> dict[str, Any]:
    """Nine keys each that lead anywhere, one to a person."""
    nodes = {
        f"n{i}": a_choice(
            {str(key): f"n{(i * 7 + key * 13) % 999}" for key in range(1, 10)} | {"0": "person"}
        )
        for i in range(999)
    }
    return {"start": "n0", "nodes": nodes | {"person": {"kind": "queue"}}}


# --- without a phone ---


def steps_a_second(seconds: float) -> float:
    """Random keys through the menu of five levels, again and again."""
    menus, keys = {"m": MenuFile.model_validate(five_levels())}, Random(1)
    done, began, step = 0, time.process_time(), start({"m": MenuFile.model_validate(five_levels())}, "m")
    while time.process_time() - began < seconds:
        for _ in range(1000):
            if isinstance(step, Play | WaitKey):
                step = next_step(menus, step, keys.choice("1111111*#0") if keys.random() < 0.5 else None)
            else:
                step = start(menus, "m")
            done += 1
    return done / (time.process_time() - began)


def check_seconds(rounds: int) -> tuple[float, float]:
    """Of the shipped files, and of the same with a menu of 1,000 nodes: CPU, medians."""
    files, _ = read_sources(defaults_door.shipped())
    hotline = yaml.safe_load(files["hotline.yaml"])
    hotline["site"]["area_code"] = "0355"
    files["hotline.yaml"] = yaml.safe_dump(hotline, allow_unicode=True).encode()
    larger = {**files, "menus/main.yaml": yaml.safe_dump(thousand_nodes(), allow_unicode=True).encode()}
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for is_large in (False, True):
            began = time.process_time()
            configuration, problems = check_files(larger if is_large else files)
            taken[is_large].append(time.process_time() - began)
            assert configuration is not None, problems[:3]
    return median(taken[False]), median(taken[True])


# --- with callers ---


@dataclass
class Way:
    name: str
    number: str
    is_ours: bool
    asterisk: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def run(bench: SideBySide, way: Way, calls: int) -> None:
    """So many callers within two seconds, each a key a second by SIP INFO until he is hung up at the end of the menu."""
    bench.ours(way.is_ours)
    rows = [f"<sip:139{next(_callers):08}@127.0.0.1>;{way.number};" for _ in range(calls)]
    before = cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)
    callers = sipp(
        presses_a_key_a_second(),
        bench.sip_address,
        "-m",
        str(calls),
        "-r",
        str(calls / 2),
        rows=rows,
        seconds=40,
    )
    good, _ = callers.results(45)
    callers.stop()
    bench.wait_hung_up()
    if way.is_ours:
        bench.wait_settled()
    after = cpu_seconds(bench.asterisk_pid), cpu_seconds(*bench.our_pids)
    asterisk, ours = ((now - then) / calls for now, then in zip(after, before, strict=True))
    way.asterisk.append(asterisk)
    way.ours.append(ours)
    if good != calls:
        way.faults.append(f"{calls - good} of {calls} callers did not come to the end of the menu")


def presses_a_key_a_second() -> str:
    """The caller of the stories, who presses when he is told to: here the clock tells him."""
    told = caller_scenario(20, "1" * LEVELS, by_info=True).split("<recv ")
    steps = [step for step in told if not step.startswith(('request="MESSAGE"', 'request="BYE" optional'))]
    paced = [
        '<pause milliseconds="1000"/>\n' + step.partition("</recv>\n")[2]
        if step.startswith('request="PUBLISH"')
        else step
        for step in steps
    ]
    joined = paced[0]
    for step in paced[1:]:
        joined += step if step.startswith("<pause") else f"<recv {step}"
    return joined


def _lines(found: dict[str, Any]) -> None:
    CHANGES["hotline.yaml"](found)
    found["numbers"].append({"number": OURS, "label": "menu", "menu": "five_levels", "queue": "rush"})


def measured_calls(rounds: int, calls: int) -> tuple[list[Way], float]:
    ways = [Way("ours", OURS, True), Way("hand-written dialplan", PLAIN, False)]
    written = yaml.safe_dump(five_levels(), allow_unicode=True)
    changes = {**CHANGES, "hotline.yaml": _lines}
    with side_by_side(changes=changes, dialplan=PLAIN_DIALPLAN, menus={"five_levels": written}) as bench:
        other = OtherWork()
        for n in range(rounds):
            for way in ways if n % 2 == 0 else reversed(ways):
                run(bench, way, calls)
        return ways, other.cores()


def rows_of(ways: list[Way], calls: int) -> Iterator[list[str]]:
    plain = median(a + b for a, b in zip(ways[1].asterisk, ways[1].ours, strict=True))
    for way in ways:
        whole = [a + b for a, b in zip(way.asterisk, way.ours, strict=True)]
        parts = f"Asterisk {median(way.asterisk) * 1000:.1f}, our server {median(way.ours) * 1000:.1f}"
        told = f"{median(whole) * 1000:.1f} ms CPU a call ({parts})"
        rounds = " ".join(f"{one * 1000:.0f}" for one in whole)
        yield [f"{calls} callers, five levels: {way.name}", told, f"{median(whole) / plain:.2f} ×", rounds]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one round of 20 callers")
    parser.add_argument("--no-calls", action="store_true", help="without Asterisk")
    given = parser.parse_args()
    rounds, calls = (1, 20) if given.quick else (3, 100)
    other = OtherWork()
    speed = steps_a_second(1 if given.quick else 5)
    shipped, large = check_seconds(3 if given.quick else 7)
    verdict = "met" if large < CHECK_AIM_SECONDS else "MISSED"
    rows = [
        ["navigation, menu of five levels", f"{speed:,.0f} steps/s", "", ""],
        ["check of the shipped files", f"{shipped:.2f} s CPU", "", ""],
        [
            "check with a menu of 1,000 nodes",
            f"{large:.2f} s CPU",
            f"aim < {CHECK_AIM_SECONDS:g} s: {verdict}",
            "",
        ],
    ]
    notes = [f"other work on this machine meanwhile: {other.cores():.2f} of {os.cpu_count()} cores"]
    if not given.no_calls:
        ways, busy = measured_calls(rounds, calls)
        rows += rows_of(ways, calls)
        notes.append(f"while calls were measured: {busy:.2f} of {os.cpu_count()} cores; SIPp shares them too")
        notes += [f"A ROUND FAILED, {way.name}: {fault}" for way in ways for fault in way.faults]
    print_table(f"Menus, {machine()}", ["", "measured", "", "rounds"], rows, notes)
