"""config/lists/: each file by its kind, and what its numbers have to agree on with hotline.yaml."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ivr.config_files.reader import Document
from ivr.config_files.references import text_at
from ivr.config_files.schema_words import validated
from ivr.config_files.sources import LISTS
from ivr.lines import Lines
from ivr.menus.caller_lists import LIST_TYPES, CallerList, ListOfNoKind, faults_of
from vocabulary.config_problem import ConfigProblem
from vocabulary.phone_numbers import normalise


def list_name(file: str) -> str:
    """lists/enterprises.yaml is the list enterprises."""
    return file.removeprefix(LISTS).removesuffix(".yaml")


def blocklists(documents: Mapping[str, Document]) -> frozenset[str]:
    """Those that say so, whatever faults their entries have."""
    found = (file for file in documents if file.startswith(LISTS))
    return frozenset(list_name(file) for file in found if _turns_away(documents[file]))


def _turns_away(document: Document) -> bool:
    model = LIST_TYPES.get(text_at(document, ("kind",)) or "")
    return model is not None and model.TURNS_AWAY


def list_in(document: Document) -> tuple[CallerList | None, list[ConfigProblem]]:
    """By the kind that the file says; with another or none that alone is told."""
    model = LIST_TYPES.get(text_at(document, ("kind",)) or "")
    if model is None:
        return None, validated(ListOfNoKind, document)[1]
    made, problems = validated(model, document)
    return made, problems


def faults_of_list(document: Document, one: CallerList, lines: Lines) -> Iterator[ConfigProblem]:
    area_code = lines.site.area_code
    switchboards = frozenset(normalise(raw, area_code=area_code) for raw in lines.switchboards)
    for found in faults_of(one, area_code, switchboards):
        told = document.problem(found.path, found.fault, found.remedy)
        yield replace(told, severity=found.severity)
