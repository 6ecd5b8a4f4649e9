"""What a walk through a menu needs beside the caller's line, the same from its first step to its last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ivr.calls.in_line import InLineOf, as_named
from ivr.lines import Language
from ivr.menus.facts import NO_FACTS, Facts
from ivr.menus.navigation import Menus
from ivr.prompts.rendering import PromptLibrary
from tickets.voicemails import Voicemails


@dataclass(frozen=True)
class WalkNeeds:
    """`language`: of the site. `version`: of the files that `menus` were read from. `voicemails`: where messages are kept.
    `in_line_of`: how he waits who is led into a queue."""

    menus: Menus
    prompts: PromptLibrary
    language: Language
    now: Callable[[], datetime]
    version: str = ""
    facts: Facts = NO_FACTS
    voicemails: Voicemails | None = None
    in_line_of: InLineOf = as_named
