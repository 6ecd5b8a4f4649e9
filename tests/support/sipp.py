"""One SIPp: started with limits of its own, asked how its calls went, ended by `stop` at the latest."""

import itertools
import random
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_OURS_TO_CHOOSE_FROM = 1250
_claims: list[socket.socket] = []
_ports: list[Iterator[int]] = []


def free_port(_kind: int = socket.SOCK_DGRAM) -> int:
    """A port that nobody uses now, neither by UDP nor by TCP, and that no test of another process chooses.

    Below the range from which the system takes ports of its own for outgoing connections, which would come between.
    Seconds may lie between the choice of a port and its use: tests that run side by side choose from ports of their own.
    """
    return _free_block(1)


def _free_block(size: int) -> int:
    """The first of so many such ports side by side; the one that was chosen longest ago comes next."""
    if not _ports:
        _ports.append(itertools.cycle(_ports_of_this_process()))
    block: list[int] = []
    while len(block) < size:
        port = next(_ports[0])
        if block and port != block[-1] + 1:
            block.clear()
        if all(_is_free(port, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            block.append(port)
        else:
            block.clear()
    return block[0]


def _ports_of_this_process() -> range:
    """Claimed by the name of an abstract socket, which the system frees when this process ends, however it ends."""
    for first in range(10_000, 20_000, _OURS_TO_CHOOSE_FROM):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0ports-of-hotline-tests-{first}")
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return range(first, first + _OURS_TO_CHOOSE_FROM)
    raise RuntimeError("Eight processes run tests on this machine already: wait for one to end")


def _is_free(port: int, kind: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@dataclass
class Sipp:
    """One running SIPp, in a folder of its own."""

    process: subprocess.Popen[bytes]
    folder: tempfile.TemporaryDirectory[str]
    host: str = HOST
    port: int = 0

    def wait(self, seconds: float) -> int:
        """SIPp's exit code: 0 if every call went as its scenario says."""
        return self.process.wait(seconds)

    def hang_up(self) -> "Sipp":
        """The one call of this phone is ended from this side, now. For a caller whom Asterisk has answered."""
        return self.tell("MESSAGE")

    def press(self) -> "Sipp":
        """The key that this caller was given is pressed, now."""
        return self.tell("PUBLISH")

    def tell(self, method: str) -> "Sipp":
        """Sends its first call a request of that kind, which its scenario waits for; SIPp finds the call by the Call-ID.

        Whatever Asterisk sent before is read before it: SIPp has one socket.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as story:
            story.bind((self.host, 0))
            ours = f"{self.host}:{story.getsockname()[1]}"
            lines = (
                f"{method} sip:phone@{self.host}:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{random.getrandbits(64):x}",
                f"From: <sip:story@{ours}>;tag=story",
                f"To: <sip:phone@{self.host}>",
                f"Call-ID: 1-{self.process.pid}@{self.host}",
                f"CSeq: 1 {method}",
                "Content-Length: 0",
            )
            story.sendto("\r\n".join((*lines, "", "")).encode(), (self.host, self.port))
        return self

    def results(self, seconds: float) -> tuple[int, int]:
        """Calls that went as the scenario says, and calls that did not; needs `-trace_stat`."""
        self.process.wait(seconds)
        stats = next(iter(Path(self.folder.name).glob("stats*")), None)
        rows = stats.read_text().splitlines() if stats else []
        if len(rows) < 2:
            return 0, 0
        last = dict(zip(rows[0].split(";"), rows[-1].split(";"), strict=False))
        return int(last["SuccessfulCall(C)"]), int(last["FailedCall(C)"])

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        self.folder.cleanup()

    @property
    def trace(self) -> str:
        """Every SIP message sent and received; SIPp writes it out about once a second."""
        return "".join(path.read_text(errors="replace") for path in Path(self.folder.name).glob("messages*"))

    @property
    def errors(self) -> str:
        return "".join(path.read_text(errors="replace") for path in Path(self.folder.name).glob("errors*"))


def start_sipp(
    scenario: str, *arguments: str, rows: Sequence[str] = (), seconds: float, host: str = HOST
) -> Sipp:
    """Starts SIPp on `host`, for at most `seconds`; `rows` are its injection lines (field0;field1;…)."""
    folder = tempfile.TemporaryDirectory()
    base = Path(folder.name)
    (base / "scenario.xml").write_text(scenario, encoding="iso-8859-1", errors="xmlcharrefreplace")
    command = f"sipp -sf scenario.xml -i {host} -mi {host} -nostdin -timeout {round(seconds)}s".split()
    command += ["-cp", str(free_port())]  # else all of this machine share the same sixty ports for it
    if rows:
        text = "\n".join(("SEQUENTIAL", *rows, ""))
        (base / "rows.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
        command += ["-inf", "rows.csv"]
    quiet = subprocess.DEVNULL
    with (base / "errors-at-start").open("wb") as errors:
        process = subprocess.Popen([*command, *arguments], cwd=base, stdin=quiet, stdout=quiet, stderr=errors)
    return Sipp(process, folder, host)


def _paced(rate: float) -> str:
    """Calls per second in SIPp's words: it takes whole numbers alone, of calls in so many milliseconds."""
    return f"-r {round(rate)}" if rate == round(rate) else f"-r {round(rate * 10)} -rp 10000"


def run_sipp(
    scenario: str,
    *,
    port: int,
    remote: str = "",
    rows: Sequence[str] = (),
    calls: int = 1,
    rate: float = 1,
    limit: float = 60,
    most: int | None = None,
    host: str = HOST,
    echoes: bool = False,
) -> Sipp:
    """One of a story: on `port` of `host`, with its messages kept; running into `limit` is a failure.

    `echoes`: it sends back every sound that it receives.
    """
    arguments = [remote] if remote else []
    # it also takes ports for pictures, two and three above those for sound
    arguments += f"-p {port} -m {calls} {_paced(rate)} -mp {_free_block(4)} -aa -timeout_error".split()
    arguments += ["-cid_str", "%u-%p@%s"]  # by which `tell` finds the call
    arguments += ["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]
    if echoes:
        arguments.append("-rtp_echo")
    if most is not None:
        arguments += ["-l", str(most)]
    phone = start_sipp(scenario, *arguments, rows=rows, seconds=limit, host=host)
    phone.port = port
    return phone
