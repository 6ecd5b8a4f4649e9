"""How long callers must listen in each menu, by the texts of its prompts: warnings only, told where the menu's file says it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, languages_in_use, menus_in_use
from ivr.lines import Language
from ivr.menus.languages import behind_a_choice
from ivr.menus.menu_file import MenuFile
from ivr.menus.times import faults_in_time
from ivr.menus.walker import PromptSeconds, Walker
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.schema import PromptsFile
from vocabulary.config_problem import ConfigProblem


def slow_menus(
    documents: Mapping[str, Document],
    menus: Mapping[str, MenuFile],
    timed: Iterable[str],
    prompts: PromptsFile,
) -> Iterator[ConfigProblem]:
    """`timed`: those without faults of their own, since of the others the ways will change."""
    site = languages_in_use(documents)[0]
    seconds = seconds_of(prompts, site)
    used = menus_in_use(documents)
    in_calls = _languages_on_arrival({name: menu for name, menu in menus.items() if name in used})
    in_any = _languages_on_arrival(menus)
    for name in timed:
        document = documents[f"{MENUS}{name}.yaml"]
        arriving = (in_calls if name in used else in_any).get(name, ())
        timing = longest_in(seconds, (site, *arriving))
        for found in faults_in_time(Walker(menus, name), timing):
            told = document.problem(found.path, found.fault, found.remedy)
            yield replace(told, severity=found.severity)


def _languages_on_arrival(menus: Mapping[str, MenuFile]) -> dict[str, tuple[Language, ...]]:
    """By the name of a menu, what callers may have chosen before they come to its start."""
    found: dict[str, tuple[Language, ...]] = {}
    for (name, node), language in behind_a_choice(menus):
        if menus[name].start == node:
            found[name] = (*found.get(name, ()), language)
    return found


def seconds_of(prompts: PromptsFile, site: Language) -> PromptSeconds:
    """By the text; a recording may be shorter or longer."""

    @cache
    def seconds(name: str, chosen: Language | None) -> float:
        prompt = prompts.prompts.get(name)
        return estimated_seconds(prompt, chosen or site, prompts) if prompt else 0.0

    return seconds


def longest_in(seconds: PromptSeconds, languages: Iterable[Language]) -> PromptSeconds:
    """Where it is not known which of these the caller has chosen."""
    every = tuple(dict.fromkeys(languages))

    @cache  # a check of 1,000 nodes asks 14,000 times
    def longest(name: str, chosen: Language | None) -> float:
        return seconds(name, chosen) if chosen else max(seconds(name, one) for one in every)

    return longest
