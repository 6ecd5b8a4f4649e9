"""Prompts for stories: short, and no two alike."""

from collections.abc import Iterator
from typing import Any, Final

from ivr.menus.languages import SAID_BEHIND_A_MENU

_WORDS: Final = (
    "好早东西南北中上下左右大小高低前后内外春秋天地山水火木金土"
    "书笔纸刀车船门窗"
    "风雨雪云星月江河湖海石玉竹松梅花草林米茶马牛龙鱼鸟红黄蓝白黑"
)


def short_words(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    """Every prompt says two syllables, each its own: a sound is known by what it is made of. What a caller hears who chose
    English says so in English too."""
    for (name, prompt), word in zip(found["prompts"].items(), _WORDS, strict=False):
        prompt.clear()
        prompt["zh"] = f"您{word}"
        if name in SAID_BEHIND_A_MENU:
            prompt["en"] = name.replace("_", " ")
        yield name, prompt
    assert all(prompt["zh"].startswith("您") for prompt in found["prompts"].values()), "more words are needed"
