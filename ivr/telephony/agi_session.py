"""One AGI conversation: pyst2 gives the words, the wire is ours.

Replies come one for one, in time and within bounds; a HANGUP line is an event, never a reply.
"""

import re
import socket
import time
from collections.abc import Mapping
from typing import Final

from asterisk.agi import AGI

from ivr.calls.channel import CallerHungUp
from ivr.telephony.agi_errors import (
    AgiFault,
    CommandFailed,
    CommandRefused,
    LineLost,
    ReplyGarbled,
    ReplyTooLate,
    UnsafeText,
)
from ivr.telephony.agi_header import LONGEST_LINE, script_of
from ivr.telephony.agi_wire import AgiWire
from ivr.telephony.any_encoding import decode_any

Result = dict[str, tuple[str, str]]

# Asterisk reads 2,048 bytes of a command and silently loses the rest (tried on 22).
LONGEST_COMMAND: Final = 2000
# How long after HANGUP the reply to the pending command may still come.
_AFTER_HANGUP_SECONDS: Final = 2.0
_MOST_USAGE_LINES: Final = 200
_FORBIDDEN: Final = re.compile(r"[\r\n\0]")
_RESULT: Final = re.compile(r"200 result=(\S*)(?:\s+\((.*)\))?(?:\s+endpos=(-?\d+))?\s*", re.DOTALL)
_TAKES_AS_LONG_AS_THE_STEP: Final = (
    "STREAM FILE",
    "CONTROL STREAM FILE",
    "GET DATA",
    "GET OPTION",
    "SAY ",
    "RECORD FILE",
    "RECEIVE ",
    "EXEC",
)


class AgiSession(AGI):
    """What pyst2's AGI offers (`answer`, `verbose`, `get_full_variable` …), safe in any thread.

    `outlives_hangup` is for the leg that runs after the call's end: HANGUP is then noted and commands go on.
    """

    def __init__(
        self,
        connection: socket.socket,
        header: Mapping[str, str],
        *,
        leftover: bytes = b"",
        reply_seconds: float = 5.0,
        step_seconds: float = 120.0,
    ) -> None:
        # pyst2's own __init__ is not called: it installs a signal handler and reads the header from stdin.
        self.env = dict(header)
        self.call_id = header.get("agi_uniqueid", "")
        self.reply_seconds = reply_seconds
        self.step_seconds = step_seconds
        self.outlives_hangup = False
        self.is_hung_up = False
        self._fault: AgiFault | None = None
        self._wire = AgiWire(connection, self.call_id, leftover)

    @property
    def script(self) -> str:
        """The path that Asterisk asked for."""
        return script_of(self.env)

    def argument(self, n: int) -> str:
        """The n-th argument of the dialplan's AGI(), from 1; "" if there is none."""
        return self.env.get(f"agi_arg_{n}", "")

    def quote(self, value: str | int | float) -> str:
        """One argument of a command, whatever is in it; line ends are refused when it is sent."""
        return self._quote(value)

    def execute(self, command: str, *args: str | int | float) -> Result:
        """Send one command and return its reply as pyst2 shapes it: {"result": (value, text), …}."""
        self.test_hangup()
        try:
            self.send_command(command, *args)
            result = self._read_result(time.monotonic() + self._limit(command, args))
        except AgiFault as fault:
            if not isinstance(fault, CommandRefused | UnsafeText):
                self._fault = fault  # question and answer no longer match: nothing more may be asked
            raise
        if result["result"][0] == "-1":
            self._tell_hang_up_from_failure(command)
        return result

    def test_hangup(self) -> None:
        """Raise CallerHungUp if the line is gone, ReplyGarbled if something came that nobody asked for."""
        if self._fault is not None:
            raise self._fault
        while self._wire.has_unread():
            line = self._wire.read_line(time.monotonic() + self.reply_seconds)
            if line != b"HANGUP":
                self._fault = ReplyGarbled(self.call_id, f"a line that nobody asked for: {line[:60]!r}")
                raise self._fault
            self.is_hung_up = True
        if self.is_hung_up and not self.outlives_hangup:
            raise CallerHungUp(self.call_id)

    def send_command(self, command: str, *args: str | int | float) -> None:
        """Refuses CR, LF and NUL (a second command to Asterisk) and lines that it would cut."""
        line = " ".join([command.strip(), *map(str, args)]).strip()
        if found := _FORBIDDEN.search(line):
            raise UnsafeText(self.call_id, f"{found[0]!r} in the arguments of {command}")
        raw = line.encode("utf-8", "replace") + b"\n"
        if len(raw) > LONGEST_COMMAND:
            raise UnsafeText(self.call_id, f"{command} with {len(raw)} bytes, at most {LONGEST_COMMAND}")
        self._wire.send(raw, self.reply_seconds)

    def get_result(self, stdin: object = None) -> Result:
        return self._read_result(time.monotonic() + self.reply_seconds)

    def stream_file(self, filename: str, escape_digits: str = "", sample_offset: int = 0) -> str:
        return super().stream_file(self._quote(filename), escape_digits, sample_offset)

    def give_up(self) -> None:
        """Tell Asterisk that the script failed (AGISTATUS=FAILURE); a mere close would read as SUCCESS."""
        try:
            self._wire.send(b"failure\n", 0.5)
        except (CallerHungUp, AgiFault):
            return

    def close(self) -> None:
        self._wire.close()

    def cut(self) -> None:
        """End the session from another thread."""
        self._wire.cut()

    def _quote(self, string: str | int | float) -> str:
        return '"' + str(string).replace("\\", "\\\\").replace('"', '\\"') + '"'

    def _limit(self, command: str, args: tuple[str | int | float, ...]) -> float:
        if command == "WAIT FOR DIGIT" and args and int(args[0]) >= 0:
            return int(args[0]) / 1000 + self.reply_seconds
        if command.startswith((*_TAKES_AS_LONG_AS_THE_STEP, "WAIT FOR DIGIT")):
            return self.step_seconds + self.reply_seconds
        return self.reply_seconds

    def _tell_hang_up_from_failure(self, command: str) -> None:
        """-1 means both. After a hang-up Asterisk says HANGUP before it answers anything else."""
        if not self.is_hung_up:
            self.execute("NOOP")
        if self.is_hung_up:
            raise CallerHungUp(self.call_id)
        raise CommandFailed(self.call_id, f"{command} failed")

    def _read_result(self, deadline: float) -> Result:
        line = self._read_reply_line(deadline)
        code = line[:3]
        if code == b"200":
            return self._parse(line, deadline)
        if code == b"511":
            self.is_hung_up = True
            raise CallerHungUp(self.call_id)
        if code == b"510":
            raise CommandRefused(self.call_id, decode_any(line))
        if code == b"520":
            raise CommandRefused(self.call_id, self._usage(line, deadline))
        raise ReplyGarbled(self.call_id, f"no reply but {line[:60]!r}")

    def _read_reply_line(self, deadline: float) -> bytes:
        """The next reply. After HANGUP the pending reply is still taken in, so that none stays owed."""
        was_hung_up = self.is_hung_up
        for _ in range(100):
            try:
                line = self._wire.read_line(deadline)
            except (LineLost, ReplyTooLate):
                if self.is_hung_up:
                    raise CallerHungUp(self.call_id) from None
                raise
            if line == b"HANGUP":
                self.is_hung_up = True
                deadline = min(deadline, time.monotonic() + _AFTER_HANGUP_SECONDS)
            elif not line.startswith(b"100"):
                break
        if self.is_hung_up and not was_hung_up and not self.outlives_hangup:
            raise CallerHungUp(self.call_id)
        return line

    def _parse(self, line: bytes, deadline: float) -> Result:
        """A value may run over several lines: a caller can have a line end in his name."""
        while b" (" in line and not re.search(rb"\)(\s+endpos=-?\d+)?\s*$", line):
            line += b"\n" + self._wire.read_line(deadline)
            if len(line) > LONGEST_LINE:
                raise ReplyGarbled(self.call_id, f"a value of more than {LONGEST_LINE} bytes")
        match = _RESULT.fullmatch(decode_any(line))
        if match is None:
            raise ReplyGarbled(self.call_id, f"no reply but {line[:60]!r}")
        value, text, endpos = match.groups()
        result = {"result": (value, text or "")}
        return result if endpos is None else result | {"endpos": (endpos, "")}

    def _usage(self, line: bytes, deadline: float) -> str:
        """520 in one line, or `520-…` with the usage after it up to a line `520 …`."""
        lines = [line]
        while lines[0].startswith(b"520-") and (len(lines) == 1 or not lines[-1].startswith(b"520")):
            if len(lines) > _MOST_USAGE_LINES:
                raise ReplyGarbled(self.call_id, "a usage text without end")
            lines.append(self._wire.read_line(deadline))
        return " / ".join(decode_any(line).strip() for line in lines)
