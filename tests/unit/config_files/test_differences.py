"""What an admin is told of two sets: numbers, paths, nodes off the paths, sayings, files."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from hotline import defaults_door
from ivr.config_files.checker import check_files
from ivr.config_files.differences import SetOfFiles, difference
from ivr.config_files.sources import read_sources


def shipped() -> dict[str, bytes]:
    return read_sources(defaults_door.shipped())[0]


def edited(name: str, change: Callable[[Any], None]) -> SetOfFiles:
    files = shipped()
    found = yaml.safe_load(files[name])
    if name == "hotline.yaml":
        found["site"]["area_code"] = "0355"  # which YAML reads as a number
    change(found)
    files[name] = yaml.safe_dump(found, allow_unicode=True, sort_keys=False).encode()
    configuration, problems = check_files(files)
    assert configuration is not None, problems
    return SetOfFiles(files, configuration)


BEFORE = SetOfFiles(shipped(), check_files(shipped())[0])


def test_the_same_set_has_no_difference() -> None:
    assert difference(BEFORE, BEFORE).is_none


def test_a_comment_is_a_changed_file_and_no_path() -> None:
    found = difference(BEFORE, edited("codes.yaml", lambda _: None))
    assert found.files == ("codes.yaml (changed)",)
    assert found.paths == ()
    assert not found.is_none


def test_a_prompt_that_says_something_else_is_told_once_with_both_words() -> None:
    def change(found: Any) -> None:
        found["prompts"]["greeting"]["zh"] = "您好。"

    [line] = difference(BEFORE, edited("prompts.yaml", change)).paths
    assert line.startswith("prompt greeting: says “您好。”; before: “")


def test_numbers_that_come_go_and_change_their_menu_or_queue_are_told() -> None:
    def new(found: Any) -> None:
        found["numbers"].append({"number": "96101", "label": "供暖", "menu": "main", "queue": "heating"})

    def other(found: Any) -> None:
        found["numbers"][0]["menu"] = "examples/with_keys"

    more, changed = edited("hotline.yaml", new), edited("hotline.yaml", other)
    assert "number 96101: new, menu main" in difference(BEFORE, more).paths
    assert "number 96101: gone" in difference(more, BEFORE).paths
    told = difference(BEFORE, changed).paths
    number = yaml.safe_load(BEFORE.files["hotline.yaml"])["numbers"][0]["number"]
    assert f"{number}: menu examples/with_keys; before: menu main" in told
    assert any(line.startswith(f"{number}, when answered: hears greeting, choose_matter") for line in told)


def test_what_is_the_same_for_several_numbers_is_said_once() -> None:
    def two(found: Any) -> None:
        for number, queue in zip(found["numbers"][:2], ("general", "heating"), strict=True):
            number.update(menu="examples/with_keys", queue=queue)

    before = edited("hotline.yaml", two)
    assert before.configuration is not None
    files = dict(before.files)
    files["menus/examples/with_keys.yaml"] = files["menus/examples/with_keys.yaml"].replace(
        b"1: enterprise", b"1: heating"
    )
    first, second = (number.number for number in before.configuration.lines.numbers[:2])
    [line] = difference(before, SetOfFiles(files, check_files(files)[0])).paths
    assert line.startswith(
        f'{first}, {second}, key 1: queue "heating", category "heating"; before: queue "enterprise"'
    )


def test_a_node_off_the_paths_is_told_by_its_name() -> None:
    def idle(found: Any) -> None:
        found["nodes"]["later"] = {"kind": "queue", "queue": "heating"}

    [line] = difference(BEFORE, edited("menus/main.yaml", idle)).paths
    assert line == "menu main: node later is new, off the paths above"


def test_a_priority_class_that_means_something_else_now_is_told() -> None:
    """It stands in hotline.yaml alone, so no path through the menus shows it; one that is new or gone is told by its paths."""

    def classes(**seconds: int) -> SetOfFiles:
        def written(found: Any) -> None:
            found["priority_classes"] = [
                {"name": name, "label": name, "credit_seconds": many} for name, many in seconds.items()
            ]

        return edited("hotline.yaml", written)

    found = difference(classes(disabled=600, old=60, same=30), classes(same=30, disabled=900, new=60))
    assert found.paths == ("priority class disabled: 900 s earlier in line; before: 600 s",)


@pytest.mark.parametrize(("which", "words"), [("before", "the earlier"), ("after", "the later")])
def test_a_set_with_faults_is_compared_by_files_alone(which: str, words: str) -> None:
    bad = SetOfFiles({**shipped(), "codes.yaml": b"x"}, None)
    found = difference(bad, BEFORE) if which == "before" else difference(BEFORE, bad)
    assert found.files == ("codes.yaml (changed)",)
    assert found.paths == (words + " set has faults, so no paths could be compared",)


def test_menus_beyond_all_bounds_are_said_to_be_compared_in_part() -> None:
    def huge(found: Any) -> None:
        found["start"] = "m0"
        for n in range(900):
            found["nodes"][f"m{n}"] = {
                "kind": "menu",
                "prompts": ["greeting"],
                "keys": {str(key): f"m{(n * 7 + key + 1) % 900}" for key in range(1, 10)} | {"0": "person"},
                "no_key": {"then": "person"},
                "wrong_key": {"replays": 5, "then": "person"},
            }

    before = edited("menus/main.yaml", huge)
    files = {**before.files, "menus/main.yaml": before.files["menus/main.yaml"] + b"# more\n"}
    files["codes.yaml"] = files["codes.yaml"] + b"# other\n"
    name = "menus/main.yaml"
    files[name] = files[name].replace(b"replays: 5", b"replays: 4", 1)
    lines = difference(before, SetOfFiles(files, check_files(files)[0])).paths
    assert any(line.endswith(": the menus are so large that not all paths were compared") for line in lines)


def test_a_prompt_in_another_language_and_digits_said_back_otherwise_are_told() -> None:
    def in_english(found: Any) -> None:
        found["prompts"]["greeting"]["en"] = "Good morning."

    [line] = difference(BEFORE, edited("prompts.yaml", in_english)).paths
    assert line == "prompt greeting: is said otherwise, or in another language"

    def typing(found: Any) -> None:
        found["numbers"][0]["menu"] = "examples/with_a_number"

    before = edited("hotline.yaml", typing)
    name = "menus/examples/with_a_number.yaml"
    files = {**before.files, name: before.files[name].replace(b"digit_5", b"digit_6")}
    [line] = difference(before, SetOfFiles(files, check_files(files)[0])).paths
    assert line == "menu examples/with_a_number: node meter keeps digits or says them back otherwise"
