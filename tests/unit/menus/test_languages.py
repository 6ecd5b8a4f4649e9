"""A caller chooses a language: what is said behind it, in this file and others, and what must have words in it."""

from typing import Any

from ivr.menus.languages import Said, chosen_languages, said_behind_a_choice
from ivr.menus.menu_file import MenuFile
from ivr.menus.navigation import next_step, start
from ivr.menus.steps import Play

QUEUE = {"kind": "queue"}


def menus(**files: dict[str, Any]) -> dict[str, MenuFile]:
    """Each file starts at its node a."""
    return {name: MenuFile.model_validate({"start": "a", "nodes": nodes}) for name, nodes in files.items()}


def say(prompt: str, following: str) -> dict[str, Any]:
    return {"kind": "say", "prompts": [prompt], "next": following}


def speak(language: str, following: str) -> dict[str, Any]:
    return {"kind": "language", "language": language, "next": following}


FILES = menus(
    main={
        "a": say("hello", "b"),
        "b": speak("en", "c"),
        "c": say("welcome", "d"),
        "d": {"kind": "goto", "menu": "tax"},
    },
    tax={"a": say("tax", "b"), "b": speak("zh", "c"), "c": say("back", "q"), "q": QUEUE},
)


def test_what_is_said_behind_it_is_said_in_that_language_until_it_changes_again() -> None:
    heard: list[tuple[tuple[str, ...], str | None]] = []
    step = start(FILES, "main")
    while isinstance(step, Play):
        heard.append((step.prompts, step.place.language))
        step = next_step(FILES, step, None)
    assert heard == [(("hello",), None), (("welcome",), "en"), (("tax",), "en"), (("back",), "zh")]


def test_every_prompt_heard_behind_it_is_known() -> None:
    assert chosen_languages(FILES) == {"zh", "en"}
    assert sorted(said_behind_a_choice(FILES), key=lambda said: said.prompt) == [
        Said("tax", ("nodes", "c", "prompts", 0), "back", "zh"),
        Said("tax", ("nodes", "a", "prompts", 0), "tax", "en"),
        Said("main", ("nodes", "c", "prompts", 0), "welcome", "en"),
    ]


def test_a_menu_that_leads_back_to_the_choice_ends() -> None:
    circle = menus(main={"a": say("x", "b"), "b": speak("en", "c"), "c": say("y", "a"), "q": QUEUE})
    assert {said.prompt for said in said_behind_a_choice(circle)} == {"x", "y"}
    assert chosen_languages(menus(main={"a": QUEUE})) == set()
