"""Every problem of the config files has Chinese words: each message of the source is looked for in their list.

Those that a bad folder brings about: test_bad_config.py.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checker_messages import NOT_TOLD, modules, sentences
from support.repository import ROOT

from hotline.problem_words import language, marked, said, told
from ivr.config_files.in_chinese import LIST, Entry, entries, in_chinese
from vocabulary.config_problem import ConfigProblem

HAN = re.compile(r"[一-鿿]")
BLANK = re.compile(r"<([a-z]+)(?::words)?>")
ENGLISH = "\n".join(BLANK.sub("\n", one.english) for one in entries()).lower()

# Modules whose words are no problem of a file: what `hotline menus diff` and `publish` tell is English only, so far.
NO_PROBLEMS = ("ivr/config_files/differences.py", "ivr/menus/changed_paths.py")
# Pieces of the source that the list has otherwise → why. What is still to be translated stands here too, and is named so.
OTHERWISE = {
    "say, branch, language, queue or hang_up": "kinds of nodes, which are carried over",
    "list of number plans": "the value's kind is left out in Chinese: what may stand there says it",
    "user name": "as above",
    "regular expression": "as above",
    "could not be compared": "a line of the history",
}


def untranslated(path: str) -> set[str]:
    found = sentences((ROOT / path).read_text("utf-8"))
    return {words for words in found if words not in NOT_TOLD and words.lower() not in ENGLISH}


@pytest.mark.parametrize("path", sorted(modules() - set(NO_PROBLEMS)))
def test_every_message_of_the_checker_is_in_the_list(path: str) -> None:
    assert untranslated(path) - set(OTHERWISE) == set()


def test_no_exception_outlives_its_text() -> None:
    assert set(OTHERWISE) == set().union(*(untranslated(path) for path in modules() - set(NO_PROBLEMS)))


def test_the_list_is_pairs_of_lines_with_the_same_blanks():
    blocks = re.split(r"\n\n+", re.sub(r"(?m)^#.*\n", "", LIST.read_text("utf-8")).strip())
    assert [block for block in blocks if len(block.splitlines()) != 2] == []
    assert len(entries()) == len(blocks)
    for one in entries():
        blanks = BLANK.findall(one.english)
        assert len(set(blanks)) == len(blanks), one
        assert set(BLANK.findall(one.chinese)) <= set(blanks), one
        assert HAN.search(one.chinese), one
        assert one.chinese.endswith(("。", "？")) == one.is_sentence, one
    assert len({one.english for one in entries()}) == len(entries())


@pytest.mark.parametrize("entry", entries(), ids=lambda one: one.english)
def test_no_other_entry_takes_its_words(entry: Entry) -> None:
    """With words in the blanks, and with numbers."""
    for filling in ("word_{}", "4{}"):
        values = {name: filling.format(place) for place, name in enumerate(BLANK.findall(entry.english))}
        english = BLANK.sub(lambda blank, values=values: values[blank[1]], entry.english)
        assert in_chinese(english) == entry.filled(values)


def test_what_the_author_wrote_is_carried_over_as_it_is() -> None:
    assert in_chinese('no queue "menu".') == '没有队列 "menu"。'
    assert in_chinese('no queue "a\nb". There are: x".') == '没有队列 "a\nb". There are: x"。'
    assert in_chinese('no node "queue" in the menu list.') == '语音导航 list 中没有节点 "queue"。'
    assert in_chinese("inf is not a whole number.") == "inf 不是整数。"
    assert in_chinese("a list is not text.") == "所写的列表不是文字。"


def test_a_way_is_told_step_by_step() -> None:
    told_ = in_chinese(
        "from here a person is reached after 53 s at the soonest: choose 27 s → key 1 → more 7 s → … → key."
    )
    assert told_ == "从这里最快也要 53 秒才能接通人工：choose 27 秒 → 按 1 → more 7 秒 → … → key。"


FOUND = ConfigProblem(
    "menus/main.yaml", 12, 13, ("keys", 3, "goto"), 'no menu "tax-desk".', 'Did you mean "tax"?'
)


def test_a_line_has_its_place_its_fault_and_its_remedy() -> None:
    assert (
        told(FOUND, "zh")
        == 'menus/main.yaml:12:13  keys → 3 → goto：没有语音导航 "tax-desk"。您要写的是不是 "tax"？'
    )
    assert told(FOUND, "en") == str(FOUND)
    assert marked(FOUND, "zh") == told(FOUND, "zh")


def test_a_warning_is_marked_in_its_language() -> None:
    warning = ConfigProblem("a.yaml", 1, 1, (), "is empty.", "Write a value.", "warning")
    assert marked(warning, "zh") == "警告：a.yaml:1:1  没有写值。请写上值。"
    assert marked(warning, "en") == "warning: a.yaml:1:1  is empty. Write a value."


def test_what_the_list_does_not_have_stays_english() -> None:
    strange = ConfigProblem("a.j2", 3, 1, (), "unexpected char '§' at 12.", "Write it otherwise.")
    assert told(strange, "zh") == "a.j2:3:1  unexpected char '§' at 12. 请换一种写法。"
    assert said("never heard of", "zh") == "never heard of"
    assert said("3 problems in /etc/hotline", "zh") == "/etc/hotline 中有 3 处错误"
    assert said("3 problems in /etc/hotline", "en") == "3 problems in /etc/hotline"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": ""}, "zh"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_the_shell_chooses_where_nobody_else_does(environment, expected):
    assert language(None, environment) == expected
    assert language("zh", environment) == "zh"
    assert language("en", environment) == "en"


PIECES = sorted({part for one in entries() for part in BLANK.split(one.english)[::2] if part})


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=20), max_size=30).map("".join))
def test_no_text_breaks_it(text: str) -> None:
    found = in_chinese(text[:400])
    assert found is None or HAN.search(found)
