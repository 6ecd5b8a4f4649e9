"""What a menu needs to be tried out without a phone: the config files on disk, and how long each prompt lasts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hotline.settings import Settings
from ivr.config_files.checker import Configuration, check
from ivr.config_files.menu_files import menus_in
from ivr.config_files.published import load_published
from ivr.config_files.schema_words import did_you_mean
from ivr.lines import Language, Number
from ivr.menus.menu_file import MenuFile
from ivr.menus.walker import Supposed, Walker
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.rendering import NoSuchPrompt, PromptLibrary, made_earlier
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError


class BadSupposition(HotlineError):
    """What was typed names nothing that there is; the words say what to write."""


@dataclass(frozen=True)
class MenuTrial:
    """One menu of the files on disk, reached by one number. `sounds`: those already made of the same words."""

    configuration: Configuration
    menus: Mapping[str, MenuFile]
    name: str
    number: Number
    sounds: PromptLibrary

    @property
    def language(self) -> Language:
        return self.configuration.lines.site.language

    def walker(self, supposed: Supposed) -> Walker:
        return Walker(self.menus, self.name, supposed)

    def text(self, prompt: str) -> str:
        known = self.configuration.prompts.prompts.get(prompt)
        return " ".join(((known and known.text(self.language)) or "").split())

    def seconds(self, prompt: str) -> float:
        try:
            return self.sounds.length(prompt, self.language)
        except NoSuchPrompt:
            known = self.configuration.prompts.prompts.get(prompt)
            return estimated_seconds(known, self.language, self.configuration.prompts) if known else 0.0

    def is_estimated(self, prompt: str) -> bool:
        return (self.language, prompt) not in self.sounds.seconds


def open_trial(settings: Settings, name: str, number: str | None) -> MenuTrial | list[ConfigProblem]:
    """The problems instead, where a file has a fault. Raises BadSupposition."""
    configuration, problems = check(settings.config_dir)
    if configuration is None:
        return [one for one in problems if one.severity == "error"]
    menus = {**menus_in(settings.config_dir), **configuration.menus}
    if name not in menus:
        raise BadSupposition(f'no menu "{name}" without a fault. {did_you_mean(name, menus)}')
    numbers = configuration.lines.numbers
    if number is not None:
        dialled = configuration.lines.number(number)
        if dialled is None:
            known = did_you_mean(number, [one.number for one in numbers])
            raise BadSupposition(f'no number "{number}". {known}')
    else:
        dialled = next((one for one in numbers if one.menu == name), numbers[0])
    return MenuTrial(configuration, menus, name, dialled, _sounds(settings, configuration))


def _sounds(settings: Settings, configuration: Configuration) -> PromptLibrary:
    """The laid-out sounds of prompts whose words have not changed since; nothing is made, for a look must write nothing."""
    published = load_published(settings.home_dir)
    if published is None:
        return PromptLibrary({}, {})
    now, then = configuration.prompts, published.prompts
    if (now.voice, now.phrases) != (then.voice, then.phrases):
        return PromptLibrary({}, {})
    same = {name: one for name, one in now.prompts.items() if then.prompts.get(name) == one}
    unchanged = now.model_copy(update={"prompts": same})
    return made_earlier(unchanged, [configuration.lines.site.language], settings.prompts_dir)


def keys_of(typed: str) -> list[str | None]:
    """`1,,9` is 1, nothing, 9; an empty text is no key at all. Raises BadSupposition."""
    if not typed:
        return []
    keys = [key.strip() or None for key in typed.split(",")]
    for key in keys:
        if key is not None and not re.fullmatch(r"[0-9*#]{1,32}", key):
            raise BadSupposition(
                f'--keys: "{key}" cannot be pressed on a telephone: 0 to 9, * and #, with commas between'
            )
    return keys


def waiting_of(typed: Sequence[str], configuration: Configuration) -> dict[str, int]:
    """`general=12`. Raises BadSupposition."""
    found: dict[str, int] = {}
    for one in typed:
        queue, _, count = one.partition("=")
        if not count.isascii() or not count.isdigit() or len(count) > 6:
            raise BadSupposition(f"--waiting {one}: write QUEUE=COUNT, such as general=12")
        if configuration.lines.queue(queue) is None:
            known = did_you_mean(queue, [each.name for each in configuration.lines.queues])
            raise BadSupposition(f'--waiting: no queue "{queue}". {known}')
        found[queue] = int(count)
    return found
