"""How long a prompt lasts by its text alone, beside what espeak-ng makes of the shipped ones."""

from pathlib import Path

import pytest
import yaml

from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.schema import Prompt, PromptsFile, Voice

SHIPPED = PromptsFile.model_validate(
    yaml.safe_load((Path(__file__).parents[3] / "config" / "prompts.yaml").read_text("utf-8"))
)
MEASURED = {
    "zh": {"greeting": 5.4, "choose_matter": 7.0, "wrong_key": 4.4, "callback_hello": 14.2, "callback_not_now": 6.0},
    "en": {"greeting": 5.0, "choose_matter": 6.6, "wrong_key": 3.6, "callback_hello": 7.5, "callback_not_now": 6.8},
}  # fmt: skip
"""Seconds of the sounds, as rendered."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_is_near_what_the_voice_makes(language):
    for name, seconds in MEASURED[language].items():
        told = estimated_seconds(SHIPPED.prompts[name], language, SHIPPED)
        assert told == pytest.approx(seconds, rel=0.2), name


def test_a_faster_voice_is_quicker():
    fast = SHIPPED.model_copy(update={"voice": Voice(speed=320 // 2 * 3 // 2)})
    prompt = SHIPPED.prompts["greeting"]
    assert estimated_seconds(prompt, "zh", fast) == pytest.approx(
        estimated_seconds(prompt, "zh", SHIPPED) / 1.5
    )


def test_what_has_no_text_in_a_language_is_not_heard():
    assert estimated_seconds(Prompt(zh="您好。"), "en", SHIPPED) == 0


def test_what_cannot_be_spoken_still_has_a_length():
    assert estimated_seconds(Prompt(zh="您好☃您好"), "zh", SHIPPED) > 1


def test_written_pinyin_counts():
    assert estimated_seconds(Prompt(zh="您", pinyin="nin2 hao3 nin2 hao3"), "zh", SHIPPED) > 1.4
