"""Every message about a config file stands in an `expected.txt` of tests/bad_config, or in the test that is named for it.

Looks at the fixed parts of all texts with a blank in them, in every module that has a part in a check.
"""

import pytest
from support.checker_messages import NOT_TOLD, modules, sentences
from support.repository import ROOT

EXPECTED = "\n".join(path.read_text("utf-8") for path in sorted(ROOT.glob("tests/bad_config/*/expected.txt")))

# Module → the test with those of its words that no folder can bring about: rendering, disk, size, order of checks.
ELSEWHERE = {
    "hotline/render_check.py": "tests/integration/test_a_set_that_cannot_be_rendered.py",
    "ivr/config_files/differences.py": "tests/unit/config_files/test_differences.py",
    "ivr/config_files/published.py": "tests/unit/config_files/test_published.py tests/unit/config_files/test_rollback.py",
    "ivr/menus/changed_paths.py": "tests/unit/menus/test_changed_paths.py tests/unit/menus/test_transfers.py "
    "tests/unit/menus/test_voicemail.py",
    "ivr/menus/nodes/transfer.py": "tests/unit/menus/test_turning_away.py",
    "ivr/menus/times.py": "tests/unit/menus/test_times.py",
    "ivr/config_files/sources.py": "tests/unit/config_files/test_sources.py",
    "ivr/config_files/reader.py": "tests/unit/config_files/test_sources.py",
    "ivr/config_files/checker.py": "tests/unit/config_files/test_hostile_files.py",
    "ivr/telephony/asterisk_files.py": "tests/unit/telephony/test_asterisk_files.py",
    "ivr/telephony/asterisk_syntax.py": "tests/unit/telephony/test_asterisk_syntax.py",
    "routing/rules.py": "tests/unit/routing/test_rules.py",
    "tickets/codes.py": "tests/unit/tickets/test_codes.py",
}


def not_shown(path: str) -> list[str]:
    shown = "\n".join(
        [EXPECTED, *((ROOT / test).read_text("utf-8") for test in ELSEWHERE.get(path, "").split())]
    ).lower()
    found = sentences((ROOT / path).read_text("utf-8"))
    return [words for words in found if words.lower() not in shown and words not in NOT_TOLD]


def test_the_modules_are_found_and_no_exception_outlives_its_text() -> None:
    found = modules()
    assert {
        "ivr/lines.py",
        "ivr/plain_text.py",
        "ivr/menus/graph.py",
        "missed_call_redial/policy.py",
    } <= found
    assert set(ELSEWHERE) <= found
    written = {words for path in found for words in sentences((ROOT / path).read_text("utf-8"))}
    assert set(NOT_TOLD) - written == set()


def test_a_message_that_stands_nowhere_is_seen() -> None:
    source = 'def f(n):\n    """Of no use."""\n    say(f"so many: {n} old dogs; Call them. Or not.", re.compile("a b"))\n'
    assert list(sentences(source)) == ["so many:", "old dogs", "Call them", "Or not"]
    assert not any(words.lower() in EXPECTED.lower() for words in ("so many:", "Call them"))


@pytest.mark.parametrize("path", sorted(modules()))
def test_every_message_is_shown_word_for_word(path: str) -> None:
    assert not_shown(path) == []
