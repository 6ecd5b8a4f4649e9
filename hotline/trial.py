"""`hotline up`: the trial on one machine. Starts Asterisk and the server, watches both, stops both.

A server that died or froze is started anew; the calls go on meanwhile, by the dialplan.
"""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hotline import asterisk_process, config_door, leftovers, own_server
from hotline.asterisk_process import AsteriskFailed, AsteriskProgram
from hotline.own_server import Parts
from hotline.settings import Settings
from hotline.stop_request import StopRequest
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_FROZEN_AFTER_SECONDS: Final = 15.0
_STARTED_WITHIN_SECONDS: Final = 60.0
_TRUNKS_WITHIN_SECONDS: Final = 5.0
_LOOK_EVERY_SECONDS: Final = 1.0
_NEXT_START_AFTER_SECONDS: Final = 5.0


class DidNotStart(HotlineError):
    """A part did not become ready in time; the text says which and where its log is."""


@dataclass
class Patience:
    """How long a server may be silent: one that starts has to load the program first. Seconds of a monotonic clock."""

    heard: float
    has_answered: bool = False

    def answered(self, now: float) -> None:
        self.heard, self.has_answered = now, True

    def is_over(self, now: float) -> bool:
        return now - self.heard > (_FROZEN_AFTER_SECONDS if self.has_answered else _STARTED_WITHIN_SECONDS)


@dataclass
class Trial:
    """`say` prints a line of progress to the person at the terminal; `server_started` is told each server's number."""

    settings: Settings
    program: AsteriskProgram
    say: Callable[[str], None]
    stop_request: StopRequest
    server_started: Callable[[int], None]
    asterisk: subprocess.Popen[bytes] | None = None
    server: subprocess.Popen[bytes] | None = None
    patience: Patience = field(default_factory=lambda: Patience(time.monotonic()))

    def run(self, greet: Callable[[Parts], None]) -> None:
        """Until it is asked to stop (raises StopAsked); no process is left behind, whatever fails.

        `greet` is told which parts are up.
        """
        try:
            self._start_asterisk()
            self._start_server()  # it loads while Asterisk comes up
            with self.stop_request.may_break_off():
                self._wait_for_asterisk()
                self._wait_until_started(_STARTED_WITHIN_SECONDS)
                greet(self._parts_with_trunks())
            self._watch()
        finally:
            self.stop()

    def _start_asterisk(self) -> None:
        leftovers.end_asterisk(self.program, self._asterisk_folder, self.say)  # else ours would end at once
        self.say(f"starting Asterisk {self.program.version} …")
        self.asterisk = asterisk_process.start(self.program, self._asterisk_folder, self._asterisk_log)

    def _wait_for_asterisk(self) -> None:
        assert self.asterisk is not None, "it was started"
        asterisk_process.wait_until_ready(
            self.program, self._asterisk_folder, self.asterisk, self._asterisk_log
        )

    @property
    def _asterisk_folder(self) -> Path:
        return config_door.etc_dir(self.settings)

    @property
    def _asterisk_log(self) -> Path:
        return self.settings.asterisk_dir / "log" / "console.log"

    def _start_server(self) -> None:
        self.say("starting the hotline server …")
        with self.server_log.open("ab") as out:
            self.server = subprocess.Popen(
                [sys.executable, "-m", "hotline.cli", "serve"],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at the terminal reaches us alone, and we stop it in order
            )
        self.patience = Patience(time.monotonic())
        try:
            self.server_started(self.server.pid)
        except OSError as fault:  # calls go on; only a start after a kill of ours would want to know
            self.say(
                f"the server's process {self.server.pid} could not be noted ({fault.strerror}): if this process is killed, "
                "end that one by hand before the next start"
            )

    @property
    def server_log(self) -> Path:
        return self.settings.home_dir / "server.log"

    def _wait_until_started(self, seconds: float) -> None:
        """All that this process started is up. Raises DidNotStart."""
        assert self.server is not None, "it was started"
        down: list[str] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.server.poll() is not None:
                raise DidNotStart(
                    f"the server stopped at once; the end of {self.server_log} says why:\n{self._tail()}"
                )
            down = own_server.not_started(own_server.parts_seen(self.settings), self.server.pid)
            if not down:
                return
            self._server_ends_within(0.1)  # it tells nobody when it is ready, so it is asked anew
        raise DidNotStart(
            f"after {seconds:g} s these parts of the server are not up: {', '.join(down)}; "
            f"see {self.server_log}\n{self._tail()}"
        )

    def _parts_with_trunks(self) -> Parts:
        """Asterisk asks a trunk when it starts, and the answer takes a moment; one that gives none holds nobody up."""
        until = time.monotonic() + _TRUNKS_WITHIN_SECONDS
        while True:
            parts = own_server.parts_seen(self.settings)
            if all(part.is_up for part in parts.values()) or time.monotonic() > until:
                return parts
            if self._server_ends_within(0.2):  # it tells nobody when one answers, so it is asked anew
                return parts

    def _server_ends_within(self, seconds: float) -> bool:
        assert self.server is not None, "it was started"
        try:
            self.server.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _tail(self) -> str:
        return "\n".join(self.server_log.read_text(errors="replace").splitlines()[-15:])

    def _start_asterisk_again(self) -> bool:
        """False: it did not come up, and none is left running; the server goes on without."""
        try:
            self._start_asterisk()
            with self.stop_request.may_break_off():
                self._wait_for_asterisk()
        except (AsteriskFailed, OSError) as fault:
            if self.asterisk is not None:
                asterisk_process.stop(self.asterisk)
            self.say(f"{fault}\nAsterisk did not start; next try in {_NEXT_START_AFTER_SECONDS:g} s")
            return False
        return True

    def _watch(self) -> None:
        next_start = time.monotonic()
        while True:
            with self.stop_request.may_break_off():
                time.sleep(_LOOK_EVERY_SECONDS)  # the pace of the watch below; a signal ends the pause
            if (
                self.asterisk is not None
                and self.asterisk.poll() is not None
                and time.monotonic() >= next_start
            ):
                self.say("Asterisk stopped; starting it again")
                if not self._start_asterisk_again():
                    next_start = time.monotonic() + _NEXT_START_AFTER_SECONDS
            if self.server is not None and self.server.poll() is not None:
                self.say(f"the server stopped (see {self.server_log}); starting it again")
                self._start_server()
            with self.stop_request.may_break_off():
                is_alive = own_server.is_alive(self.settings)
            if is_alive:
                self.patience.answered(time.monotonic())
            elif self.patience.is_over(time.monotonic()) and self.server is not None:
                self.say("the server does not answer; killing it and starting it again")
                self.server.kill()
                self.server.wait()

    def stop(self) -> None:
        """The server first, so that it sees Asterisk to the end; another signal meanwhile changes nothing."""
        if self.server is not None and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            try:
                self.server.wait(10)
            except subprocess.TimeoutExpired:
                self.server.kill()
                self.server.wait()
        if self.asterisk is not None:
            asterisk_process.stop(self.asterisk)
