"""In which language a check times a menu: in those that callers may have chosen where they come to it, and in no other."""

import pytest

from hotline import defaults_door
from ivr.config_files.checker import check_files
from ivr.config_files.sources import read_sources

LONG = "Press nothing at all and go on listening to me for quite a while. " * 6
CHOOSE = """\
start: choose
nodes:
  choose:
    kind: menu
    prompts: [long_in_english]
    keys: {0: person}
    no_key: {then: person}
    wrong_key: {then: person}
  person: {kind: queue}
"""
LEADS_IN_ENGLISH = """\
start: english
nodes:
  english: {kind: language, language: en, next: on}
  on: {kind: goto, menu: chinese}
"""
ONLY_LEADS_ON = LEADS_IN_ENGLISH.replace("start: english", "start: on").replace("next: on", "next: other")
ONLY_LEADS_ON += "  other: {kind: queue, queue: enterprise}\n"


def slow(**menus: str) -> list[str]:
    """The files that are warned of, for the seconds that they cost."""
    files = read_sources(defaults_door.shipped())[0]
    said = f"prompts:\n  long_in_english: {{zh: 请按0。, en: {LONG}}}\n"
    files["prompts.yaml"] = files["prompts.yaml"].replace(b"\nprompts:\n", f"\n{said}".encode(), 1)
    files |= {f"menus/{name.replace('__', '/')}.yaml": text.encode() for name, text in menus.items()}
    configuration, problems = check_files(files)
    assert configuration is not None, problems
    return sorted({one.file for one in problems if "in one go" in one.fault})


def test_what_is_heard_in_english_is_timed_in_english() -> None:
    english = CHOOSE.replace(
        "start: choose\nnodes:\n", "start: l\nnodes:\n  l: {kind: language, language: en, next: choose}\n"
    )
    assert slow(english=english) == ["menus/english.yaml"]


def test_nobody_hears_another_menus_language() -> None:
    """The shipped examples change to English, and so does this other menu."""
    assert (
        slow(
            chinese=CHOOSE, other=LEADS_IN_ENGLISH.replace("goto, menu: chinese", "queue, queue: enterprise")
        )
        == []
    )


def test_where_another_menu_leads_in_english_it_is_timed_so() -> None:
    assert slow(chinese=CHOOSE, other=LEADS_IN_ENGLISH) == ["menus/chinese.yaml"]
    assert slow(chinese=CHOOSE, other=ONLY_LEADS_ON) == []


@pytest.mark.parametrize("is_used", [False, True])
def test_an_idle_example_chooses_no_language_for_a_menu_in_use(is_used: bool) -> None:
    leads = {"other" if is_used else "examples__other": LEADS_IN_ENGLISH}
    assert slow(chinese=CHOOSE, **leads) == (["menus/chinese.yaml"] if is_used else [])
