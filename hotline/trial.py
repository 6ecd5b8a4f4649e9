"""`hotline up`: the trial on one machine. Starts Asterisk and the server, watches both, stops both.

A server that died or froze is started anew; the calls go on meanwhile, by the dialplan.
"""

import logging
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hotline import asterisk_process, config_door, leftovers
from hotline.asterisk_process import AsteriskFailed, AsteriskProgram
from hotline.settings import Settings
from hotline.stop_request import StopRequest
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_FROZEN_AFTER_SECONDS: Final = 15
_LOOK_EVERY_SECONDS: Final = 1.0
_NEXT_START_AFTER_SECONDS: Final = 5.0


class DidNotStart(HotlineError):
    """A part did not become ready in time; the text says which and where its log is."""


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

    def run(self, greet: Callable[[], None]) -> None:
        """Until it is asked to stop (raises StopAsked); no process is left behind, whatever fails."""
        try:
            self._start_asterisk()
            self._start_server()  # it loads while Asterisk comes up
            with self.stop_request.may_break_off():
                self._wait_for_asterisk()
                self._wait_until_ready(60)
                greet()
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
        self.server_started(self.server.pid)

    @property
    def server_log(self) -> Path:
        return self.settings.home_dir / "server.log"

    def _wait_until_ready(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.server is not None and self.server.poll() is not None:
                raise DidNotStart(
                    f"the server stopped at once; the end of {self.server_log} says why:\n{self._tail()}"
                )
            if is_ready(self.settings):
                return
            time.sleep(0.1)  # it tells nobody when it is ready, so it is asked anew
        raise DidNotStart(
            f"the server was not ready after {seconds:g} s; see {self.server_log}\n{self._tail()}"
        )

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
        heard = time.monotonic()
        next_start = heard
        while True:
            with self.stop_request.may_break_off():
                time.sleep(_LOOK_EVERY_SECONDS)  # the pause between two looks; a signal ends it
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
                heard = time.monotonic()
            with self.stop_request.may_break_off():
                has_answered = answers(self.settings, "/healthz", seconds=3)
            if has_answered:
                heard = time.monotonic()
            elif time.monotonic() - heard > _FROZEN_AFTER_SECONDS and self.server is not None:
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


def is_ready(settings: Settings) -> bool:
    """Every part of the hotline is up."""
    return answers(settings, "/readyz", seconds=3)


def answers(settings: Settings, path: str, *, seconds: float) -> bool:
    host = "127.0.0.1" if settings.bind in ("0.0.0.0", "::") else settings.bind
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{host}:{settings.http_port}{path}", timeout=seconds) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
