"""How long callers must listen in each menu, by the texts of its prompts: warnings only, told where the menu's file says it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, languages_in_use
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
    seconds = longest_of(documents, prompts)
    for name in timed:
        document = documents[f"{MENUS}{name}.yaml"]
        for found in faults_in_time(Walker(menus, name), seconds):
            told = document.problem(found.path, found.fault, found.remedy)
            yield replace(told, severity=found.severity)


def longest_of(documents: Mapping[str, Document], prompts: PromptsFile) -> PromptSeconds:
    """The longest of the languages in use; a recording may be shorter or longer than its text."""
    languages = languages_in_use(documents)
    known: dict[str, float] = {}

    def longest(name: str) -> float:
        prompt = prompts.prompts.get(name)
        if name not in known:
            told = (estimated_seconds(prompt, language, prompts) for language in languages if prompt)
            known[name] = max(told, default=0.0)
        return known[name]

    return longest
