"""Work in a process of its own that is killed before a chosen step on the disk."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Final

STEPS: Final = frozenset(
    {"open", "os.rename", "os.mkdir", "os.remove", "ctypes.dlsym", "shutil.rmtree", "subprocess.Popen"}
)


def run_until(step: int, work: Callable[[], object], *, is_read_counted: bool = True) -> int:
    """Does `work` in a process of its own, which is killed before its file operation number `step`; gives how many
    it did. A kill before a file is read is as one before the next is written, and need not be tried apart."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        done = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal done
            if event in STEPS and (is_read_counted or event != "open" or _writes(arguments[2])):
                done += 1
                os.write(writing, b".")
                if done == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        steps = len(pipe.read())
    os.waitpid(child, 0)
    return steps


def _writes(flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))
