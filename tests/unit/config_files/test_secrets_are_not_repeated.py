"""A trunk's secret, typed where the name of its variable belongs: messages go to logs and screens without it."""

import re
from pathlib import Path

import pytest

from ivr.config_files.checker import check_files
from ivr.config_files.sources import read_sources

CONFIG = Path(__file__).parents[3] / "config"
SLIPS = (
    "pa55word!",
    '"pa55word!"',
    '"pa55word!',
    "*pa55word",
    "&pa55word",
    "&pa55word TRUNK",
    "!pa55word x",
    "@pa55word",
    "pa55word: x",
    "[pa55word]",
    "{pa55word: 1}",
    '"pa55word\u200b"',
    "pa55 word",
    "55.55",
)


@pytest.mark.parametrize("slip", SLIPS)
def test_no_message_repeats_what_may_be_a_secret(slip: str) -> None:
    files, _ = read_sources(CONFIG)
    text = files["hotline.yaml"].decode()
    first_trunk = re.search(r"^trunks:\n(?: *#.*\n)*  - name: .*\n", text, re.MULTILINE)
    assert first_trunk is not None
    place = first_trunk.end()
    spoiled = f"{text[:place]}    secret_env: {slip}\n{text[place:]}"
    configuration, problems = check_files({**files, "hotline.yaml": spoiled.encode()})
    assert configuration is None
    told = "\n".join(str(problem) for problem in problems)
    assert "pa55" not in told
    assert "55.55" not in told
