"""A caller chooses a language: what is said behind it, in this file and others, and what must have words in it."""

from typing import Any

from hotline import defaults_door
from ivr.config_files.checker import check
from ivr.lines import Lines
from ivr.menus.languages import (
    Said,
    chosen_languages,
    not_understood,
    said_behind_a_choice,
    said_by_the_hotline,
)
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


def test_what_the_hotline_says_by_itself_is_known_once_for_each_language() -> None:
    at = {(said.menu, said.path, said.language) for said in said_by_the_hotline(FILES)}
    assert at == {("main", ("nodes", "b", "language"), "en"), ("tax", ("nodes", "b", "language"), "zh")}
    assert "goodbye" in {said.prompt for said in said_by_the_hotline(FILES)}
    twice = menus(main={"a": speak("en", "b"), "b": speak("en", "q"), "q": QUEUE})
    assert {said.path[1] for said in said_by_the_hotline(twice)} == {"a"}
    assert list(said_by_the_hotline(menus(main={"a": QUEUE}))) == []


def test_a_menu_that_leads_back_to_the_choice_ends() -> None:
    circle = menus(main={"a": say("x", "b"), "b": speak("en", "c"), "c": say("y", "a"), "q": QUEUE})
    assert {said.prompt for said in said_behind_a_choice(circle)} == {"x", "y"}
    assert chosen_languages(menus(main={"a": QUEUE})) == set()


# --- who speaks it ---


def site(**queues: list[str] | None) -> Lines:
    """Queues with what is spoken there; 12345 leads to `main` and else to `general`, 12346 to `tax` and `english`."""
    found, problems = check(defaults_door.shipped())
    assert found is not None, problems
    queue, number = found.lines.queues[0], found.lines.numbers[0]
    return found.lines.model_copy(
        update={
            "queues": [
                queue.model_copy(update={"name": name, "languages": languages})
                for name, languages in queues.items()
            ],
            "numbers": [
                number,
                number.model_copy(update={"number": "12346", "menu": "tax", "queue": "english"}),
            ],
        }
    )


def told(lines: Lines, **files: dict[str, Any]) -> list[str]:
    found = not_understood(menus(**files), lines)
    return [f"{menu}/{'/'.join(map(str, fault.path[1:]))}: {fault.fault}" for menu, fault in found]


NOBODY = 'callers who chose en are led here, and nobody in the queue "{}" speaks it'


def test_a_chosen_language_leads_to_somebody_who_speaks_it() -> None:
    lines = site(general=None, english=["zh", "en"], only_english=["en"])
    main = {"a": speak("en", "q"), "q": {**QUEUE, "queue": "english"}}
    assert told(lines, main=main) == []
    assert told(lines, main=main | {"q": {**QUEUE, "queue": "only_english"}}) == []
    general = [f"main/q/queue: {NOBODY.format('general')}"]
    assert told(lines, main=main | {"q": {**QUEUE, "queue": "general"}}) == general
    unchosen = {"a": say("x", "q"), "q": {**QUEUE, "queue": "only_english"}}
    assert (
        told(lines, main=unchosen) == []
    )  # who chose nothing speaks the site's language, or asks for another
    back = {"a": speak("zh", "q"), "q": {**QUEUE, "queue": "only_english"}}
    assert told(lines, main=back) == [
        f"main/q/queue: {NOBODY.format('only_english').replace('chose en', 'chose zh')}"
    ]


def test_the_default_queue_is_that_of_the_numbers_that_lead_there() -> None:
    files = {
        "main": {"a": speak("en", "b"), "b": {"kind": "goto", "menu": "tax"}},
        "tax": {"a": say("x", "q"), "q": QUEUE},
    }
    lines = site(general=None, english=["zh", "en"])
    assert told(lines, **files) == [f"tax/q: {NOBODY.format('general')}"]
    assert told(site(general=["en"], english=["en"]), **files) == []
    alone = {"tax": {"a": speak("en", "q"), "q": QUEUE}}
    assert told(lines, **alone) == []  # only 12346 leads there, to the queue english
