"""What changes for callers from one set of config files to another: files, and paths through the menus, in words.

Pure: both sets are given as they were read.
"""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ivr.config_files.checker import Configuration
from ivr.lines import Lines, Number
from ivr.menus.changed_paths import MOST_MOMENTS, Comparison, Door, compare, in_words
from ivr.menus.menu_file import MenuFile

MOST_TOLD: Final = 200
_LONGEST_SAYING: Final = 60


@dataclass(frozen=True)
class SetOfFiles:
    """`configuration` None: the files have faults, or are of another version of the program."""

    files: Mapping[str, bytes]
    configuration: Configuration | None


@dataclass(frozen=True)
class Difference:
    """`files`: such as `menus/tax.yaml (new)`; `paths`: a line each; `untold`: so many more lines there are."""

    files: tuple[str, ...]
    paths: tuple[str, ...]
    untold: int = 0

    @property
    def is_none(self) -> bool:
        return not self.files and not self.paths

    def lines(self) -> Iterator[str]:
        yield from (f"file {name}" for name in self.files)
        yield from self.paths
        if self.untold:
            yield f"and {self.untold} more"


def difference(before: SetOfFiles, after: SetOfFiles) -> Difference:
    files = tuple(changed_files(before.files, after.files))
    old, new = before.configuration, after.configuration
    if old is None or new is None:
        which = "the earlier" if old is None else "the later"
        return Difference(files, (f"{which} set has faults, so no paths could be compared",) if files else ())
    paths = list(_paths(old, new))
    return Difference(files, tuple(paths[:MOST_TOLD]), max(0, len(paths) - MOST_TOLD))


def changed_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> Iterator[str]:
    """Such as `menus/tax.yaml (new)`, by name."""
    for name in sorted({*before, *after}):
        if name not in before:
            yield f"{name} (new)"
        elif name not in after:
            yield f"{name} (removed)"
        elif before[name] != after[name]:
            yield f"{name} (changed)"


def _paths(old: Configuration, new: Configuration) -> Iterator[str]:
    were, are = _numbers(old), _numbers(new)
    yield from (f"number {number}: new, menu {are[number].menu}" for number in are if number not in were)
    yield from (f"number {number}: gone" for number in were if number not in are)
    entered: set[tuple[str, str]] = set()
    left = MOST_MOMENTS  # for all numbers together: a start waits for this
    told: dict[tuple[str, ...], list[str]] = {}  # what is the same for several numbers is said once
    kept = sorted((_doors(were[number], are[number]), number) for number in are if number in were)
    for (old_menu, new_menu, old_queue, new_queue), group in groupby(kept, key=lambda one: one[0]):
        before, after = old.menus.get(old_menu), new.menus.get(new_menu)
        is_same = (old.menus, old_queue, _agents(old)) == (new.menus, new_queue, _agents(new))
        if before is None or after is None or is_same:
            continue
        was = Door(old.menus, old_menu, old_queue, lines=old.lines)
        now = Door(new.menus, new_menu, new_queue, lines=new.lines)
        found = compare(was, now, left)
        left -= found.moments
        entered |= found.entered
        told.setdefault(tuple(_told(old_menu, new_menu, found)), []).extend(number for _, number in group)
    for lines, numbers in told.items():
        yield from (f"{', '.join(numbers)}{line}" for line in lines)
    yield from _beside_the_paths(old.menus, new.menus, entered)
    yield from _priority_classes(old.lines, new.lines)
    yield from _sayings(old, new)


def _numbers(configuration: Configuration) -> dict[str, Number]:
    return {number.number: number for number in configuration.lines.numbers}


def _agents(configuration: Configuration) -> list[tuple[object, ...]]:
    """By what a menu finds the part of a queue that serves."""
    lines = configuration.lines
    own = lines.site.language
    return [(one.name, one.part_of, one.skills, one.languages or [own]) for one in lines.queues]


def _doors(old: Number, new: Number) -> tuple[str, str, str, str]:
    return old.menu, new.menu, old.queue, new.queue


def _told(old_menu: str, new_menu: str, found: Comparison) -> Iterator[str]:
    """Each to be said of a number, which stands before it."""
    if old_menu != new_menu:
        yield f": menu {new_menu}; before: menu {old_menu}"
    yield from (f", {in_words(path)}" for path in found.changed)
    if not found.is_whole:
        yield ": the menus are so large that not all paths were compared"


def _beside_the_paths(
    old: Mapping[str, MenuFile], new: Mapping[str, MenuFile], entered: Set[tuple[str, str]]
) -> Iterator[str]:
    """Nodes that changed that no path shows: behind another change, in a menu of no number, or in how digits are said back."""
    for menu in sorted({*old, *new}):
        if menu not in old or menu not in new:
            yield f"menu {menu}: {'new' if menu in new else 'gone'}"
            continue
        before, after = old[menu].nodes, new[menu].nodes
        for node in sorted({*before, *after}):
            was, now = before.get(node), after.get(node)
            if (menu, node) in entered:
                if was and now and was.beside_the_paths != now.beside_the_paths:
                    yield f"menu {menu}: node {node} keeps digits or says them back otherwise"
            elif was != now:
                what = "new" if was is None else "gone" if now is None else "changed"
                yield f"menu {menu}: node {node} is {what}, off the paths above"


def _priority_classes(old: Lines, new: Lines) -> Iterator[str]:
    """Those that mean something else now: no path changes, and another caller is served first."""
    for one in new.priority_classes:
        before = old.credit_of(one.name)
        if before not in (None, one.credit_seconds):
            yield f"priority class {one.name}: {one.credit_seconds} s earlier in line; before: {before} s"


def _sayings(old: Configuration, new: Configuration) -> Iterator[str]:
    were, are = old.prompts.prompts, new.prompts.prompts
    for name in are:
        if name in were and were[name] != are[name]:
            language = new.lines.site.language
            now, before = are[name].text(language), were[name].text(language)
            if now != before:
                yield f"prompt {name}: says “{_short(now)}”; before: “{_short(before)}”"
            else:
                yield f"prompt {name}: is said otherwise, or in another language"


def _short(text: str | None) -> str:
    text = text or ""
    return text if len(text) <= _LONGEST_SAYING else f"{text[: _LONGEST_SAYING - 1]}…"
