"""All config files together: the configuration that a call runs on, or every problem at once.

One checker behind three doors: `hotline check`, the admin page, every start.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from ivr.config_files import agreement, broadcast_words, list_files, menu_times, references, transfers, values
from ivr.config_files.problems import MOST_PROBLEMS, problem
from ivr.config_files.reader import Document, read
from ivr.config_files.references import MENUS, menu_name
from ivr.config_files.schema_words import validated
from ivr.config_files.sources import (
    BROADCASTS,
    CALENDAR,
    EXAMPLES,
    LISTS,
    REQUIRED_FILES,
    is_yaml,
    read_sources,
)
from ivr.lines import Lines
from ivr.menus.broadcasts import Broadcasts
from ivr.menus.calendar import PUBLIC_HOLIDAYS, Calendars, OpeningHours, PublicHolidays
from ivr.menus.caller_lists import CallerList, CallerLists
from ivr.menus.crossings import faults_across
from ivr.menus.graph import MenuFault, faults
from ivr.menus.hung_up_on import hung_up_on
from ivr.menus.keys_to_a_person import menus_without_a_key
from ivr.menus.languages import not_understood, said_behind_a_choice, said_by_the_hotline
from ivr.menus.menu_file import MenuFile
from ivr.menus.transfers import dropped_behind, faults_behind
from ivr.menus.turning_away import faults_of_blocklists
from ivr.menus.waits import not_to_be_had
from ivr.prompts.schema import PromptsFile
from missed_call_redial.policy import CallbackPolicies
from routing.rules import RoutingRules
from tickets.codes import Codes
from vocabulary.config_problem import ConfigProblem

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Configuration:
    """One good set of config files. `version` is the hash of their content."""

    lines: Lines
    menus: Mapping[str, MenuFile]
    prompts: PromptsFile
    rules: RoutingRules
    callbacks: CallbackPolicies
    codes: Codes
    version: str
    calendars: Calendars
    lists: CallerLists
    broadcasts: Broadcasts = field(default_factory=Broadcasts)


def check(folder: Path) -> tuple[Configuration | None, list[ConfigProblem]]:
    """Reads and checks a config folder. Warnings may come with a configuration, errors never do."""
    files, problems = read_sources(folder)
    configuration, found = check_files(files)
    problems = sorted(problems, key=_order) + found
    return (None if _has_error(problems) else configuration), problems


def check_files(files: Mapping[str, bytes]) -> tuple[Configuration | None, list[ConfigProblem]]:
    """The same for contents by file name, such as menus/main.yaml. Never raises, whatever they hold.

    What is no YAML counts for the version only.
    """
    documents = {name: read(name, files[name]) for name in sorted(files) if is_yaml(name)}
    checking = _Checking(documents, values.named_in_templates(files))
    configuration = checking.configuration(content_version(files))
    problems = checking.problems()
    return (None if _has_error(problems) else configuration), problems


def content_version(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name, data in sorted(files.items()):
        for part in (name.encode(), data):
            whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()[:16]


def _has_error(problems: Iterable[ConfigProblem]) -> bool:
    return any(p.severity == "error" for p in problems)


def _order(found: ConfigProblem) -> tuple[str, int, int]:
    return found.file, found.line, found.column


class _Checking:
    """One check: documents in, problems gathered, models out."""

    def __init__(self, documents: dict[str, Document], in_templates: frozenset[str]) -> None:
        self._documents = documents
        self._in_templates = in_templates
        self._found = [p for d in documents.values() for p in d.problems]
        self._found += [p for d in documents.values() for p in agreement.hidden_characters(d)]
        self._found += [p for d in documents.values() for p in agreement.full_width_signs(d)]
        self._told = {_order(p) for p in self._found}
        self._without_fault: list[str] = []
        """Menus that have no fault of their own, known once `_menus` has looked."""

    def configuration(self, version: str) -> Configuration | None:
        lines = self._model(Lines, "hotline.yaml")
        prompts = self._model(PromptsFile, "prompts.yaml")
        rules = self._model(RoutingRules, "routing_rules.yaml")
        callbacks = self._model(CallbackPolicies, "callbacks.yaml")
        codes = self._model(Codes, "codes.yaml")
        menus = self._menus(lines)
        holidays = self._model(PublicHolidays, f"{CALENDAR}{PUBLIC_HOLIDAYS}.yaml")
        services = self._services()
        lists = self._lists(lines)
        broadcasts = self._model(Broadcasts, BROADCASTS) if BROADCASTS in self._documents else Broadcasts()
        self._told |= {_order(p) for p in self._found if not p.fault.endswith(" is missing.")}
        self._add(self._agreement(prompts, callbacks))
        if prompts:
            self._add(menu_times.slow_menus(self._documents, menus, self._without_fault, prompts))
            if broadcasts:
                self._add(broadcast_words.told(self._documents, broadcasts, prompts))
        used = references.menus_in_use(self._documents)
        met = {name: menu for name, menu in menus.items() if name in used}
        if rules:
            self._add(agreement.messages_without_a_rule(self._documents, met, rules))
        if lines:
            blocklists = list_files.blocklists(self._documents)
            self._add_of_menus(faults_of_blocklists(menus, lines, blocklists))
            self._add_of_menus(hung_up_on(menus, lines, blocklists))
            self._add_of_menus(not_understood(menus, lines))
            self._add_of_menus(not_to_be_had(menus, lines))
            self._add(transfers.not_carried(self._documents, menus, lines))
            self._add(transfers.emergencies_behind_branches(self._documents, menus, lines))
        if lines and prompts and rules and callbacks and codes and broadcasts:
            calendars = Calendars(services, holidays)
            self._add(agreement.unspoken(self._documents, said_behind_a_choice(met), prompts))
            self._add(agreement.unspoken(self._documents, said_by_the_hotline(met), prompts))
            known = CallerLists(lists, lines.site.area_code)
            return Configuration(
                lines, met, prompts, rules, callbacks, codes, version, calendars, known, broadcasts
            )
        return None

    def problems(self) -> list[ConfigProblem]:
        used = references.menus_in_use(self._documents)
        found = sorted({_softened(p, used): None for p in self._found}, key=_order)
        if len(found) <= MOST_PROBLEMS:
            return found
        last = found[MOST_PROBLEMS]
        fault = f"and {len(found) - MOST_PROBLEMS} more problems"
        more = problem(last.file, (last.line, last.column), (), fault, "Correct these first.")
        return [*found[:MOST_PROBLEMS], more]

    def _model(self, model: type[Model], file: str) -> Model | None:
        document = self._documents.get(file)
        if document is None or (document.value is None and document.problems):
            return None
        made, problems = validated(model, document, whole_is_told_elsewhere=file in agreement.TOLD_HERE)
        self._add(problems)
        return made

    def _services(self) -> dict[str, OpeningHours]:
        services: dict[str, OpeningHours] = {}
        for file in self._documents:
            name = file.removeprefix(CALENDAR).removesuffix(".yaml")
            if (
                file.startswith(CALENDAR)
                and name != PUBLIC_HOLIDAYS
                and (hours := self._model(OpeningHours, file))
            ):
                services[name] = hours
                self._add(agreement.small_gaps(self._documents[file], hours))
        return services

    def _lists(self, lines: Lines | None) -> dict[str, CallerList]:
        lists: dict[str, CallerList] = {}
        for file, document in self._documents.items():
            if not file.startswith(LISTS) or (document.value is None and document.problems):
                continue
            found, problems = list_files.list_in(document)
            self._add(problems)
            if found is not None:
                lists[list_files.list_name(file)] = found
                self._add(list_files.faults_of_list(document, found, lines) if lines else ())
        return lists

    def _menus(self, lines: Lines | None) -> dict[str, MenuFile]:
        menus: dict[str, MenuFile] = {}
        for file, document in self._documents.items():
            if not file.startswith(MENUS):
                continue
            menu = self._model(MenuFile, file)
            dangling = list(references.dangling_nodes(document))
            self._add(dangling)
            if menu and not dangling:
                menus[menu_name(file)] = menu
                own = faults(menu)
                if all(fault.severity != "error" for fault in own):
                    self._without_fault.append(menu_name(file))
                self._add(_told(document, fault) for fault in (*own, *faults_behind(menu)))
        self._add_of_menus(faults_across(menus))
        numbers = lines.numbers if lines else ()
        self._add_of_menus(menus_without_a_key(menus, {one.menu for one in numbers}))
        self._add_of_menus(dropped_behind(menus, {one.menu for one in numbers if one.is_emergency}))
        return menus

    def _add_of_menus(self, found: Iterable[tuple[str, MenuFault]]) -> None:
        self._add(_told(self._documents[f"{MENUS}{name}.yaml"], fault) for name, fault in found)

    def _agreement(
        self, prompts: PromptsFile | None, callbacks: CallbackPolicies | None
    ) -> Iterator[ConfigProblem]:
        documents = self._documents
        yield from references.dangling(documents)
        yield from references.dangling_menu_paths(documents)
        yield from references.missing_prompts(documents)
        yield from references.missing_holidays(documents)
        yield from values.never_set(documents, self._in_templates)
        yield from agreement.named_twice(documents)
        if "routing_rules.yaml" in documents:
            yield from agreement.rules_out_of_order(documents["routing_rules.yaml"])
        if prompts:
            yield from agreement.unspeakable(documents["prompts.yaml"], prompts)
        if callbacks:
            yield from agreement.gaps_beyond_the_deadline(documents["callbacks.yaml"], callbacks)

    def _add(self, problems: Iterable[ConfigProblem]) -> None:
        """What stands where an earlier step already complained is a consequence, and is not told."""
        self._found += [p for p in problems if _order(p) not in self._told]


def _told(document: Document, found: MenuFault) -> ConfigProblem:
    return replace(document.problem(found.path, found.fault, found.remedy), severity=found.severity)


def _softened(found: ConfigProblem, used: set[str]) -> ConfigProblem:
    """A fault in an example that no call comes to stops nothing."""
    name = menu_name(found.file)
    is_idle = found.file.startswith(MENUS) and name.startswith(EXAMPLES) and name not in used
    return replace(found, severity="warning") if is_idle else found


__all__ = ["MOST_PROBLEMS", "REQUIRED_FILES", "Configuration", "check", "check_files", "content_version"]
