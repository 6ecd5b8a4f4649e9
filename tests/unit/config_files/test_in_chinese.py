"""Every problem of the config files has Chinese words: each message of the source is looked for in their list.

Those that a bad folder brings about: test_bad_config.py.
"""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checker_messages import NOT_TOLD, modules, sentences
from support.repository import ROOT

from hotline.problem_words import how_many, language, marked, said, told
from ivr.config_files.in_chinese import LIST, Entry, entries, in_chinese
from vocabulary.config_problem import ConfigProblem

HAN = re.compile(r"[一-鿿]")
BLANK = re.compile(r"<([a-z]+)(?::words|:list)?>")
ENGLISH = "\n".join(BLANK.sub("\n", one.english) for one in entries()).lower()

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


@pytest.mark.parametrize("path", sorted(modules()))
def test_every_message_of_the_checker_is_in_the_list(path: str) -> None:
    assert untranslated(path) - set(OTHERWISE) == set()


def test_no_exception_outlives_its_text() -> None:
    assert set(OTHERWISE) == set().union(*(untranslated(path) for path in modules()))


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


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        (
            '12345, 12329, key 1, key 3: hears a, b, then queue "tax", class "old"; before: queue "general"',
            '12345, 12329，按 1，按 3：听到 a, b，然后队列 "tax"，优先级 "old"；原为：队列 "general"',
        ),
        (
            "12345, when answered: hears a, an emergency message (no key cuts a short), then waits 5 s for a key at "
            "choose; before: hears a in en and is hung up",
            "12345，接通后：听到 a，紧急通告（a 不能用按键打断），然后在 choose 等候按键 5 秒；原为：听到 a（en）后被挂断",
        ),
        (
            '1, if hours: office, withheld: true, waiting in vain: queue "q", for 60 s and then on; before: a branch at b',
            '1，如果 hours: office, withheld: true，等候而无人接听：队列 "q"，最长 60 秒，之后继续往下走；原为：在节点 b 分流',
        ),
        (
            '1, any key of 12: queue "q", by node west; before: by node east',
            '1，按 12 中任意一键：队列 "q"，现经节点 west；原经节点 east',
        ),
        (
            "1, transfer no_answer: has 3 to 60 s for a message at m, ended by 5 s of silence or key #; before: is hung up",
            "1，转接无人接听：在 m 留言 3 至 60 秒，静音 5 秒或按 # 即结束；原为：被挂断",
        ),
        ("12345: menu a; before: menu b", "12345：语音导航 a；原为语音导航 b"),
    ],
)
def test_a_changed_path_is_told_in_chinese_piece_by_piece(english: str, chinese: str) -> None:
    assert in_chinese(english) == chinese


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


@pytest.mark.parametrize(
    ("count", "english", "chinese"),
    [
        (1, "1 problem in /config", "/config 中有 1 处错误"),
        (3, "3 problems in /config", "/config 中有 3 处错误"),
    ],
)
def test_how_many_problems_there_are(count: int, english: str, chinese: str) -> None:
    assert how_many(count, Path("/config"), "en") == english
    assert how_many(count, Path("/config"), "zh") == chinese


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
