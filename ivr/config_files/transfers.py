"""What the config files must agree on so that a key of a menu can put a caller through to somebody outside."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ivr.config_files.reader import Document
from ivr.config_files.references import MENUS, menus_in_use
from ivr.lines import Lines
from ivr.menus.menu_file import MenuFile
from ivr.menus.transfers import branches_on_the_way, destinations
from ivr.plain_text import shown
from vocabulary.config_problem import ConfigProblem
from vocabulary.phone_numbers import is_emergency


def not_carried(
    documents: Mapping[str, Document], menus: Mapping[str, MenuFile], lines: Lines
) -> Iterator[ConfigProblem]:
    """Destinations that no trunk may dial: an error where a menu that calls come to leads there. A trunk that is not there is
    told as that."""
    document = documents["hotline.yaml"]
    used = menus_in_use(documents)
    nodes = [node for name, menu in menus.items() if name in used for node in menu.nodes.values()]
    wanted = {name for node in nodes for name in destinations(node)}
    for index, destination in enumerate(lines.transfers):
        is_known = all(lines.trunk(name) for name in destination.trunks)
        if is_known and not lines.trunks_to(destination):
            whose = "its trunks" if destination.trunks else "any trunk"
            fault = f"no plan under allow_transfer of {whose} allows {shown(destination.number)}"
            remedy = f"Write it there, such as allow_transfer: [{destination.number}]. allow_out is for callbacks alone."
            told = document.problem(("transfers", index, "number"), fault, remedy)
            yield told if destination.name in wanted else replace(told, severity="warning")


def emergencies_behind_branches(
    documents: Mapping[str, Document], menus: Mapping[str, MenuFile], lines: Lines
) -> Iterator[ConfigProblem]:
    names = frozenset(one.name for one in lines.transfers if is_emergency(one.number))
    for name, menu in menus.items() if names else ():
        document = documents[f"{MENUS}{name}.yaml"]
        for found in branches_on_the_way(menu, names):
            yield replace(document.problem(found.path, found.fault, found.remedy), severity=found.severity)
