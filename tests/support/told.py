"""What was played on which channel, by Asterisk's own account: short prompts cannot be caught on the console."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.running_hotline import RunningHotline

_PLAYED = re.compile(r"<([^>]+)> Playing '[^']*?([\w-]+/[\w-]+)\.\w+'")
_ACCEPTED = re.compile(r'AGI\("([^"]+)", "[^"]*/callback_answered,(\w+),')


@dataclass(frozen=True)
class Told:
    """See `listening`."""

    log: Path
    prompts: Path
    """The folder with the finished sounds: zh/<name>.wav for the dialplan, and those that scripts play by their content."""

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def on(self, channel: str) -> list[str]:
        """The prompts that were played on channels whose name starts so, in order."""
        return [sound.rpartition("/")[2] for sound in self._said_on(channel)]

    def _said_on(self, channel: str) -> list[str]:
        return [self._name(sound) for name, sound in _PLAYED.findall(self.text) if name.startswith(channel)]

    def _name(self, sound: str) -> str:
        """Language and prompt, such as zh/goodbye."""
        made = self.prompts / f"{sound}.wav"
        if not sound.startswith("cache/") or not made.exists():
            return sound
        named = (one for folder in ("zh", "en") for one in (self.prompts / folder).glob("*.wav"))
        return next(f"{one.parent.name}/{one.stem}" for one in named if one.read_bytes() == made.read_bytes())

    def to_caller(self, number: str) -> list[str]:
        """What this citizen heard, of our server and of the dialplan."""
        return [sound.rpartition("/")[2] for sound in self.said_to(number)]

    def said_to(self, number: str) -> list[str]:
        """The same with the languages, such as en/goodbye; of Asterisk's own, digits/1."""
        calls = re.findall(rf'Set\("([^"]+)", "HOTLINE_CALLER={number}"\)', self.text)
        return [sound for call in calls for sound in self._said_on(call)]

    def to_who_accepted(self, attempt_id: str) -> list[str]:
        """What the agent heard who accepted this attempt."""
        halves = [name for name, attempt in _ACCEPTED.findall(self.text) if attempt == attempt_id]
        return [prompt for half in halves for prompt in self.on(half)]


@contextmanager
def listening(hotline: RunningHotline, name: str = "told") -> Iterator[Told]:
    """Asterisk writes down what its dialplan does, for so long."""
    hotline.ask(f"logger add channel {name} verbose(3)")
    try:
        yield Told(hotline.settings.asterisk_dir / "log" / name, hotline.settings.prompts_dir)
    finally:
        hotline.ask(f"logger remove channel {name}")
