"""How long callers must listen in each menu, by the texts of its prompts: warnings only, told where the menu's file says it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, languages_in_use, menu_name
from ivr.menus.graph import faults
from ivr.menus.menu_file import MenuFile
from ivr.menus.times import faults_in_time
from ivr.menus.walker import PromptSeconds, Walker
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.schema import PromptsFile
from vocabulary.config_problem import ConfigProblem


def slow_menus(
    documents: Mapping[str, Document], menus: Mapping[str, MenuFile], prompts: PromptsFile
) -> Iterator[ConfigProblem]:
    """Menus with faults of their own are not timed: their ways will change."""
    seconds = longest_of(documents, prompts)
    for file, document in documents.items():
        menu = menus.get(menu_name(file)) if file.startswith(MENUS) else None
        if menu is None or any(fault.severity == "error" for fault in faults(menu)):
            continue
        for found in faults_in_time(Walker(menus, menu_name(file)), seconds):
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
