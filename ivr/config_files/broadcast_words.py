"""Whether a prepared emergency message can be heard: not too long, and in every language that callers may have chosen."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import ceil

from ivr.config_files.menu_times import longest_in, seconds_of
from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, languages_in_use, menu_name, menus_in_use
from ivr.config_files.sources import BROADCASTS
from ivr.menus.broadcasts import Broadcasts
from ivr.menus.times import LONGEST_LIST
from ivr.plain_text import shown
from ivr.prompts.schema import PromptsFile
from vocabulary.config_problem import ConfigProblem


def told(
    documents: Mapping[str, Document], broadcasts: Broadcasts, prompts: PromptsFile
) -> Iterator[ConfigProblem]:
    """Warnings: where words are missing the site's language is spoken, and a long message can be ended by a key."""
    document = documents.get(BROADCASTS)
    if document is None:
        return
    used = menus_in_use(documents)
    heard = {
        file: one for file, one in documents.items() if not file.startswith(MENUS) or menu_name(file) in used
    }
    languages = languages_in_use(heard)
    seconds = longest_in(seconds_of(prompts, languages[0]), languages)
    for place, one in enumerate(broadcasts.broadcasts):
        path = ("broadcasts", place)
        lasts = sum(seconds(name, None) for name in one.prompts)
        if lasts > LONGEST_LIST:
            fault = f"the message lasts {ceil(lasts)} s, and every caller hears it before a person"
            remedy = f"Keep it to {LONGEST_LIST:.0f} s: what is known, what to do."
            yield _warning(document.problem(path, fault, remedy))
        for group, names in (("what_is_known", one.what_is_known), ("what_to_do", one.what_to_do)):
            for index, name in enumerate(names):
                prompt = prompts.prompts.get(name)
                for language in languages[1:]:
                    if prompt is not None and prompt.text(language) is None:
                        fault = f"{shown(name)} has no text in {language}, which callers may have chosen"
                        remedy = f"Write {language}: in prompts.yaml; until then they hear it in the site's language."
                        yield _warning(document.problem((*path, group, index), fault, remedy))


def _warning(found: ConfigProblem) -> ConfigProblem:
    return replace(found, severity="warning")
