"""What the benchmarks share: CPU time of processes, order statistics, and the one way in which they print a table."""

import math
import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, state first."""
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _family(pid: int) -> dict[int, list[str]]:
    """The process and all its living descendants."""
    stats: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stats[int(entry.name)] = _stat(int(entry.name))
            except OSError:
                continue  # it ended while we looked
    wanted = [pid]
    for parent in wanted:
        wanted += [child for child, found in stats.items() if int(found[1]) == parent]
    return {one: stats[one] for one in wanted if one in stats}


def cpu_seconds(*pids: int) -> float:
    """User and system time so far of these processes, with all their threads, children, and children that ended."""
    ticks = sum(int(word) for pid in pids for found in _family(pid).values() for word in found[11:15])
    return ticks * TICK


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: one of the values, never between two."""
    return sorted(values)[max(0, math.ceil(len(values) * share) - 1)]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


@dataclass
class OtherWork:
    """How many cores this machine spent, from now on, on what neither this program nor its children did."""

    began: float = field(default_factory=lambda: os.times().elapsed)
    before: float = field(default_factory=lambda: _machine_seconds() - cpu_seconds(os.getpid()))

    def cores(self) -> float:
        other = _machine_seconds() - cpu_seconds(os.getpid()) - self.before
        return max(0.0, other / max(0.1, os.times().elapsed - self.began))


def _machine_seconds() -> float:
    user, nice, system, _idle, _wait, irq, softirq = map(
        int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8]
    )
    return (user + nice + system + irq + softirq) * TICK


def machine() -> str:
    """One line: when, and on what."""
    names = [row for row in Path("/proc/cpuinfo").read_text().splitlines() if row.startswith("model name")]
    model = names[0].partition(":")[2].strip() if names else platform.machine()
    now = datetime.now(UTC)
    return f"{now:%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({model}), Python {platform.python_version()}"


def print_table(
    title: str, head: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> None:
    """First column to the left, numbers to the right."""
    table = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    print(f"\n{title}")
    for row in table:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells).rstrip())
    for note in notes:
        print(f"· {note}")
    print(flush=True)
