"""What makes a sound may hang, and is not ours: it runs in bounded time, with all that it starts, and ends at once when this
process is to stop."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import contextmanager, suppress
from threading import RLock, Thread
from typing import Any, Final, TypeVar

from vocabulary.errors import HotlineError

PATIENCE_SECONDS: Final = 60
_Made = TypeVar("_Made")


class ProgramFailed(HotlineError):
    """A program did not do its work; `why` is its last word."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


class SoundsStopped(HotlineError):
    """This process is to stop. No voice is to blame, so none is given up for it."""

    def __init__(self) -> None:
        super().__init__("no sound is made any more, since this process stops")


class _UnderWay:
    """What this process has begun and not seen the end of."""

    def __init__(self) -> None:
        self._lock: Final = RLock()
        self._processes: Final[set[subprocess.Popen[bytes]]] = set()
        self._calls: Final[set[Future[Any]]] = set()
        self._is_ending = False
        self._broken_off = 0

    @property
    def is_stopped(self) -> bool:
        return self._is_ending or self._broken_off > 0

    def start(self, command: Sequence[str], environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
        """In a group of its own, which holds what it starts too. Raises OSError, SoundsStopped."""
        with self._lock:
            if self.is_stopped:
                raise SoundsStopped
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            self._processes.add(process)
            return process

    def over(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._processes.discard(process)
        _kill(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        process.wait()

    def wait_for(self, call: Future[Any]) -> None:
        with self._lock:
            if self.is_stopped:
                raise SoundsStopped
            self._calls.add(call)

    def forget(self, call: Future[Any]) -> None:
        with self._lock:
            self._calls.discard(call)

    def end(self) -> None:
        with self._lock:
            self._is_ending = True
            self._break_off()

    def stop_for_now(self) -> None:
        with self._lock:
            self._broken_off += 1
            self._break_off()

    def go_on(self) -> None:
        """Unless another waits still, or this process ends."""
        with self._lock:
            self._broken_off -= 1

    def _break_off(self) -> None:
        with self._lock:
            for process in self._processes:
                _kill(process)
            for call in self._calls:
                with suppress(InvalidStateError):
                    call.set_exception(SoundsStopped())


_under_way: Final = _UnderWay()


def stop_all() -> None:
    """For a process that ends: nothing more is begun, and whoever waits for a sound gets SoundsStopped."""
    _under_way.end()


@contextmanager
def all_stopped() -> Iterator[None]:
    """The same while somebody waits for those who make sounds."""
    _under_way.stop_for_now()
    try:
        yield
    finally:
        _under_way.go_on()


def run(
    command: Sequence[str],
    given: bytes = b"",
    *,
    seconds: float = PATIENCE_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """What the program wrote. `environment`: instead of ours. Raises ProgramFailed, SoundsStopped."""
    try:
        process = _under_way.start(command, environment)
    except OSError as error:
        raise ProgramFailed(str(error)) from error
    try:
        written, complaints = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise ProgramFailed(str(error)) from error
    finally:
        _under_way.over(process)
    if process.returncode != 0:
        if _under_way.is_stopped:
            raise SoundsStopped
        last = complaints.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise ProgramFailed("".join(last)[:300] or f"{command[0]} ended with {process.returncode}")
    return written


def call(work: Callable[[], _Made], *, seconds: float = PATIENCE_SECONDS) -> _Made:
    """The same for somebody's code in this process. It cannot be broken off: it is waited for no longer, and its thread holds
    up no exit. Raises ProgramFailed, SoundsStopped, and whatever `work` raises."""
    made: Future[_Made] = Future()

    def act() -> None:
        try:
            result = work()
        except BaseException as fault:  # whatever it is, it is raised where it is waited for
            with suppress(InvalidStateError):
                made.set_exception(fault)
        else:
            with suppress(InvalidStateError):
                made.set_result(result)

    _under_way.wait_for(made)
    try:
        Thread(target=act, name="voice", daemon=True).start()
        return made.result(seconds)
    except TimeoutError as fault:
        raise ProgramFailed(f"no sound after {seconds:g} seconds") from fault
    finally:
        _under_way.forget(made)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Also what an ended program left behind. Until we have taken note of its end nobody else can have its number."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
