"""What menus want of the queues that they lead to, and hotline.yaml does not have: agents, a longer wait, announcements. Pure."""

from collections.abc import Iterator, Mapping

from ivr.lines import Language, Lines, Queue
from ivr.menus.crossings import At
from ivr.menus.graph import MenuFault
from ivr.menus.languages import behind_a_choice, default_queues
from ivr.menus.menu_file import MenuFile
from ivr.menus.node import Node
from ivr.menus.steps import Wanted
from ivr.plain_text import shown


def not_to_be_had(menus: Mapping[str, MenuFile], lines: Lines) -> Iterator[tuple[str, MenuFault]]:
    """With the menu that each is told at. A queue that is not there is told elsewhere."""
    chosen: dict[At, set[Language]] = {}
    for at, language in behind_a_choice(menus):
        chosen.setdefault(at, set()).add(language)
    defaults = default_queues(menus, lines)
    for menu_name, menu in menus.items():
        for node_name, node in menu.nodes.items():
            at = (menu_name, node_name)
            if node.wanted is not None and node.wanted != Wanted():
                names = _named(node) or sorted(defaults.get(at, ()))
                spoken = sorted(chosen.get(at, ()))
                yield from ((menu_name, fault) for fault in _faults(lines, at, node.wanted, names, spoken))


def _named(node: Node) -> list[str]:
    return [str(found.name) for found in node.named if found.refers.to == "queue"]


def _faults(
    lines: Lines, at: At, wanted: Wanted, names: list[str], spoken: list[Language]
) -> Iterator[MenuFault]:
    """`spoken`: languages that callers may have chosen before."""
    path = ("nodes", at[1])
    for name in names:
        if lines.queue(name) is None:
            continue
        for language in (None, *spoken):
            queue = lines.serving(name, language=wanted.language, skill=wanted.skill, chosen=language)
            if queue is None:
                asked = "skill" if wanted.skill is not None else "language"
                remedy = (
                    "Give it to the queue in hotline.yaml (languages, skills), or to a part of it (part_of)."
                )
                yield MenuFault(
                    (*path, asked), f"nobody in the queue {shown(name)} or its parts has this", remedy
                )
                break
            yield from _beyond(queue, wanted, path)


def _beyond(queue: Queue, wanted: Wanted, path: tuple[str, ...]) -> Iterator[MenuFault]:
    wait, longest = wanted.longest_wait, queue.longest_wait_seconds
    if wait is not None and wait > longest:
        fault = f"{wait} is longer than anybody waits in the queue {shown(queue.name)} ({longest})"
        yield MenuFault(
            (*path, "longest_wait"), fault, "Make it shorter, or raise longest_wait_seconds there."
        )
    if wait is not None and wait < queue.ring_seconds:
        fault = (
            f"{wait} is shorter than one phone rings in the queue {shown(queue.name)} ({queue.ring_seconds})"
        )
        yield MenuFault((*path, "longest_wait"), fault, "Make it longer than ring_seconds there.")
    has_any = queue.announcements.position or queue.announcements.hold_time
    if wanted.announcements is not None and not has_any:
        fault = f"the queue {shown(queue.name)} announces nothing"
        remedy = "Leave it out, or write announcements: {position: true} in hotline.yaml."
        yield MenuFault((*path, "announcements"), fault, remedy)
