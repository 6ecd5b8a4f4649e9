"""How long `scripts/up` takes until both are ready, everything being installed: in an empty state folder, and the second time.

`python benchmarks start [--rounds N]` prints one table: medians, and the limit that the second start has (10 s). A round is a
first and a second start of one hotline on ports of its own, each ended by SIGTERM, which is timed too.
"""

import argparse
import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from support.running_hotline import RunningHotline

from benchmarks.measuring import OtherWork, machine, median, print_table

ROOT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C stops everything"
LIMIT_SECONDS = 10.0
LONGEST_SECONDS = 120.0


def start_and_end(plan: RunningHotline) -> tuple[float, float]:
    """Seconds from the command to READY, and from SIGTERM to its end. Raises SystemExit if it does not get there."""
    said = plan.home / "up.log"
    began = time.monotonic()
    with said.open("w") as out:
        process = subprocess.Popen(
            [ROOT / "scripts" / "up"],
            env={**os.environ, **plan.variables},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while READY not in said.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() - began > LONGEST_SECONDS:
                raise SystemExit(f"scripts/up did not get ready:\n{said.read_text(errors='replace')}")
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)  # between two looks: scripts/up tells nobody when it has written a line
        ready = time.monotonic() - began
    finally:
        ended_from = time.monotonic()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(60)
    return ready, time.monotonic() - ended_from


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rounds", type=int, default=5, metavar="N", help="5")
    rounds = asked.parse_args().rounds
    other = OtherWork()
    times: dict[str, list[float]] = {"first start": [], "second start": []}
    ends: dict[str, list[float]] = {name: [] for name in times}
    for _ in range(rounds):
        plan = RunningHotline()
        try:
            for name, found in times.items():
                ready, ended = start_and_end(plan)
                found.append(ready)
                ends[name].append(ended)
        finally:
            plan.stop()
    limits = {"second start": f"{LIMIT_SECONDS:.0f}"}
    print_table(
        f"Start of the whole hotline, seconds ({machine()})",
        ("", "ready", "least", "most", "limit", "ended"),
        [
            (
                name,
                f"{median(found):.1f}",
                f"{min(found):.1f}",
                f"{max(found):.1f}",
                limits.get(name, ""),
                f"{median(ends[name]):.1f}",
            )
            for name, found in times.items()
        ],
        (f"medians of {rounds}", f"other work took {other.cores():.2f} cores"),
    )
