"""What a menu needs to be tried out without a phone: the config files on disk, and how long each prompt lasts."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hotline.settings import Settings
from ivr.config_files.checker import Configuration, check
from ivr.config_files.menu_files import menus_in
from ivr.config_files.published import load_published
from ivr.config_files.schema_words import did_you_mean
from ivr.lines import Language, Number
from ivr.menus.caller_lists import Enterprise, Entry
from ivr.menus.facts import Emergencies, OnAir, emergencies_of
from ivr.menus.languages import chosen_languages
from ivr.menus.menu_file import MenuFile
from ivr.menus.steps import RESULTS, Result
from ivr.menus.walker import Walker
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.rendering import NoSuchPrompt, PromptLibrary, made_earlier
from vocabulary.config_problem import ConfigProblem
from vocabulary.errors import HotlineError
from vocabulary.phone_numbers import WITHHELD_NUMBER, NumberKind, PhoneNumber, mask, normalise


class BadSupposition(HotlineError):
    """What was typed names nothing that there is; the words say what to write."""


@dataclass(frozen=True)
class Supposed:
    """What a simulated walk supposes of the world. None: nothing is known of it.

    `at` aware; `caller`: as he shows it, "" if he shows none; by queue `waiting`: callers, `ready`: agents who could take a
    call, `estimated`: seconds that a caller would wait; `values`: what the dialplan keeps, by name.
    """

    at: datetime | None = None
    caller: str | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    broadcast: OnAir | None = None
    ready: Mapping[str, int] = field(default_factory=dict)
    estimated: Mapping[str, int] = field(default_factory=dict)
    is_repeat_caller: bool | None = None
    values: Mapping[str, str] = field(default_factory=dict)


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
        return Walker(self.menus, self.name, SupposedFacts(supposed, self))

    def caller(self, supposed: Supposed) -> PhoneNumber | None:
        """The number as a call's record would have it, without a trunk's own prefixes."""
        area_code = self.configuration.lines.site.area_code
        return None if supposed.caller is None else normalise(supposed.caller, area_code=area_code)

    def entry_told(self, supposed: Supposed, name: str) -> str:
        """By which entry the caller is on that list, as far as this may be shown."""
        caller = self.caller(supposed)
        entry = caller and self.configuration.lists.entry(name, caller, supposed.at)
        told = f": {_told(entry)}" if entry else ""
        return f"{mask(caller or WITHHELD_NUMBER)} is on the list {name}{told}"

    def text(self, prompt: str, language: Language | None = None) -> str:
        """`language`: that of the walk, where the caller chose one."""
        known = self.configuration.prompts.prompts.get(prompt)
        return " ".join(((known and known.text(self._spoken(prompt, language))) or "").split())

    def seconds(self, prompt: str, language: Language | None = None) -> float:
        """`language` as in `text`."""
        spoken = self._spoken(prompt, language)
        try:
            return self.sounds.length(prompt, spoken)
        except NoSuchPrompt:
            known = self.configuration.prompts.prompts.get(prompt)
            return estimated_seconds(known, spoken, self.configuration.prompts) if known else 0.0

    def is_estimated(self, prompt: str, language: Language | None = None) -> bool:
        return (self._spoken(prompt, language), prompt) not in self.sounds.seconds

    def _spoken(self, prompt: str, language: Language | None) -> Language:
        """A broadcast is heard in the site's language where it has no words in the chosen one, as on the phone."""
        if language is None or (language, prompt) in self.sounds.seconds:
            return language or self.language
        known = self.configuration.prompts.prompts.get(prompt)
        is_of_a_broadcast = any(prompt in one.prompts for one in self.configuration.broadcasts.broadcasts)
        if is_of_a_broadcast and known is not None and known.text(language) is None:
            return self.language
        return language


def _told(entry: Entry) -> str:
    if isinstance(entry, Enterprise):
        return entry.name
    return f"{entry.reason}; approved by {entry.approver}; from {entry.start} to {entry.expiry}"


@dataclass(frozen=True)
class SupposedFacts:
    """Keeps ivr.menus.facts.Facts. What nobody supposed is not known, so a branch by it goes the way of its `else`."""

    supposed: Supposed
    trial: MenuTrial

    def is_open(self, calendar: str) -> bool | None:
        at = self.supposed.at
        return None if at is None else self.trial.configuration.calendars.is_open(calendar, at)

    def is_public_holiday(self) -> bool | None:
        at, holidays = self.supposed.at, self.trial.configuration.calendars.holidays
        return None if at is None or holidays is None else holidays.is_off(at.date())

    def is_withheld(self) -> bool | None:
        caller = self.trial.caller(self.supposed)
        return None if caller is None else caller.kind is NumberKind.WITHHELD

    def is_caller_on(self, list_name: str) -> bool | None:
        caller, lists = self.trial.caller(self.supposed), self.trial.configuration.lists
        return None if caller is None else lists.is_on(list_name, caller, self.supposed.at)

    def is_repeat_caller(self) -> bool | None:
        return self.supposed.is_repeat_caller

    def callers_waiting(self, queue: str | None) -> int | None:
        return self.supposed.waiting.get(queue or self.trial.number.queue)

    def agents_ready(self, queue: str | None) -> int | None:
        return self.supposed.ready.get(queue or self.trial.number.queue)

    def estimated_wait(self, queue: str | None) -> float | None:
        return self.supposed.estimated.get(queue or self.trial.number.queue)

    def value(self, name: str) -> str | None:
        return self.supposed.values.get(name)

    def broadcast(self) -> OnAir | None:
        return self.supposed.broadcast

    def emergencies(self) -> Emergencies:
        called = self.trial.number
        return emergencies_of(self.trial.configuration.lines, called.number, called.queue)


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
    languages = {configuration.lines.site.language, *chosen_languages(menus)}
    return MenuTrial(configuration, menus, name, dialled, _sounds(settings, configuration, languages))


def _sounds(
    settings: Settings, configuration: Configuration, languages: Collection[Language]
) -> PromptLibrary:
    """The laid-out sounds of prompts whose words have not changed since; nothing is made, for a look must write nothing."""
    published = load_published(settings.home_dir)
    if published is None:
        return PromptLibrary({}, {})
    now, then = configuration.prompts, published.prompts
    if (now.voice, now.phrases) != (then.voice, then.phrases):
        return PromptLibrary({}, {})
    same = {name: one for name, one in now.prompts.items() if then.prompts.get(name) == one}
    unchanged = now.model_copy(update={"prompts": same})
    return made_earlier(unchanged, languages, settings.prompts_dir)


def keys_of(typed: str) -> list[str | None]:
    """`1,,9` is 1, nothing, 9; `123#` the four keys one after the other; an empty text no key at all. Raises BadSupposition."""
    keys: list[str | None] = []
    for part in typed.split(",") if typed else ():
        pressed = part.strip()
        if not re.fullmatch(r"[0-9*#]{0,32}", pressed):
            raise BadSupposition(
                f'--keys: "{pressed}" cannot be pressed on a telephone: 0 to 9, * and #, with commas between'
            )
        keys += pressed or (None,)
    return keys


def result_of(typed: str) -> Result:
    """What is supposed to come of a transfer. Raises BadSupposition."""
    for result in RESULTS:
        if typed == result:
            return result
    raise BadSupposition(f'--transfer: no result "{typed}". {did_you_mean(typed, RESULTS)}')


def broadcast_of(name: str | None, configuration: Configuration) -> OnAir | None:
    """The message of that name, as if it were on. Raises BadSupposition."""
    if name is None:
        return None
    prepared = configuration.broadcasts.named(name)
    if prepared is None:
        known = did_you_mean(name, [one.name for one in configuration.broadcasts.broadcasts])
        raise BadSupposition(f'--broadcast: no broadcast "{name}" in broadcasts.yaml. {known}')
    return prepared.on_air


def by_queue(
    option: str, typed: Sequence[str], configuration: Configuration, what: str = "COUNT"
) -> dict[str, int]:
    """`general=12`. Raises BadSupposition."""
    found: dict[str, int] = {}
    for one in typed:
        queue, _, count = one.partition("=")
        if not count.isascii() or not count.isdigit() or len(count) > 6:
            raise BadSupposition(f"{option} {one}: write QUEUE={what}, such as general=12")
        if configuration.lines.queue(queue) is None:
            known = did_you_mean(queue, [each.name for each in configuration.lines.queues])
            raise BadSupposition(f'{option}: no queue "{queue}". {known}')
        found[queue] = int(count)
    return found


def values_of(typed: Sequence[str]) -> dict[str, str]:
    """`HOTLINE_TRUNK=carrier-a`. Raises BadSupposition."""
    found: dict[str, str] = {}
    for one in typed:
        name, between, value = one.partition("=")
        if not between or not re.fullmatch(r"HOTLINE_[A-Z0-9_]+", name):
            raise BadSupposition(f"--value {one}: write NAME=VALUE, such as HOTLINE_TRUNK=carrier-a")
        found[name] = value
    return found
