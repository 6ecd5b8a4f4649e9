"""A caller without a phone: keeps ivr.calls.channel.Channel, presses a test's keys, notes what it heard."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from ivr.calls.channel import CallerHungUp, Channel


class FakeChannel:
    """`keys`: what the caller presses, one entry for each play() or wait_key(), None for nothing.

    `says`: writes a caller's words into the file and gives their seconds, None if nothing can be recorded; it may raise
    CallerHungUp.

    `hangs_up_after`: that many play()s and wait_key()s are survived; the next one raises CallerHungUp.
    """

    def __init__(
        self,
        *,
        call_id: str = "test-1795397954.12",
        arguments: Iterable[str] = (),
        variables: Mapping[str, str] | None = None,
        keys: Iterable[str | None] = (),
        hangs_up_after: int | None = None,
        on_play: Callable[[str], None] | None = None,
        says: Callable[[Path], float | None] | None = None,
        language: str = "zh",
    ) -> None:
        self.variables = dict(variables or {})
        self.heard: list[str] = []
        self.set: list[tuple[str, str]] = []
        self.waited: list[float] = []
        self.allowed: list[int] = []
        self.is_hung_up = False
        self.is_let_go = False
        self._call_id = call_id
        self._language = language
        self._arguments = list(arguments)
        self._keys = list(keys)
        self._steps_left = hangs_up_after
        self._on_play = on_play
        self._says = says
        self.recorded: list[tuple[str, int, int]] = []

    @property
    def call_id(self) -> str:
        return self._call_id

    @property
    def language(self) -> str:
        return self._language

    def argument(self, n: int) -> str:
        return self._arguments[n - 1] if 1 <= n <= len(self._arguments) else ""

    def variable(self, name: str) -> str:
        return self.variables.get(name, "")

    def set_variable(self, name: str, value: str) -> None:
        self._still_there()
        self.variables[name] = value
        self.set.append((name, value))

    def play(self, path: str, keys: str = "") -> str | None:
        self._step()
        self.heard.append(path)
        if self._on_play is not None:
            self._on_play(path)
        if not self._keys or (self._keys[0] is not None and self._keys[0] not in keys):
            return None
        return self._keys.pop(0)

    def wait_key(self, seconds: float) -> str | None:
        self._step()
        self.waited.append(seconds)
        return self._keys.pop(0) if self._keys else None

    def record(self, path: str, keys: str, longest: int, silence: int) -> float | None:
        self._step()
        self.recorded.append((keys, longest, silence))
        return self._says(Path(f"{path}.wav")) if self._says else None

    def still_there(self) -> None:
        self._still_there()

    def let_go(self) -> None:
        self.is_let_go = True

    def allow(self, seconds: int) -> None:
        self._still_there()
        self.allowed.append(seconds)

    def _step(self) -> None:
        self._still_there()
        if self._steps_left is not None:
            self.is_hung_up = self._steps_left <= 0
            self._steps_left -= 1
        self._still_there()

    def _still_there(self) -> None:
        if self.is_hung_up:
            raise CallerHungUp(self._call_id)


def a_fake_keeps_the_protocol() -> Channel:
    """For mypy: FakeChannel is a Channel."""
    return FakeChannel()
