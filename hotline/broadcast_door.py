"""A broadcast is switched on or off: checked against the files in force, spoken if need be, and only then in the database.

Three doors come here: the command, the API, and a shift leader's phone.
"""

from datetime import timedelta

from pydantic import ValidationError
from sqlmodel import Session

from hotline import accounts, prompt_door
from hotline.bootstrap import Hotline
from ivr.calls import broadcasts
from ivr.calls.broadcast_board import Board, OnNow, as_on_now
from ivr.calls.broadcasts import BadBroadcast, Broadcast, Wanted
from ivr.config_files.running import Running
from ivr.menus.times import LONGEST_LIST
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.rendering import PromptFailed, VoiceToolsMissing
from ivr.prompts.schema import Prompt
from ivr.prompts.sounds import length
from ivr.prompts.speech import Unspeakable

_MEMORY = "broadcasts.json"


def prepare(hotline: Hotline, wanted: Wanted, by: str) -> Broadcast:
    """Everything that may fail, and takes time, but the database. Raises BadBroadcast."""
    now = hotline.now()
    broadcast = broadcasts.planned(hotline.running.configuration, wanted, by, now)
    if broadcast.text is not None:
        _speak(hotline, broadcast.text)
        longest = timedelta(minutes=hotline.running.configuration.broadcasts.longest_minutes)
        prompt_door.forget_said(hotline.settings, (now - longest - timedelta(days=1)).timestamp())
    return broadcast


def switch_on(hotline: Hotline, wanted: Wanted, by: str) -> Broadcast:
    """Raises BadBroadcast."""
    broadcast = prepare(hotline, wanted, by)
    with hotline.database.writing() as session:
        return broadcasts.switch_on(session, broadcast)


def _speak(hotline: Hotline, text: str) -> None:
    """Made now, in the hands of who waits for it, never in a call."""
    try:
        prompt_door.said(hotline.settings, hotline.running.configuration, text)
    except ValidationError as fault:
        raise BadBroadcast(f"the text {fault.errors()[0]['msg']}", "Write other words") from fault
    except Unspeakable as fault:
        remedy = "Write it in characters of the site's language"
        raise BadBroadcast(f'"{fault.character}" cannot be spoken', remedy) from fault
    except (VoiceToolsMissing, PromptFailed, OSError) as fault:
        remedy = (
            "Switch on a prepared message whose sounds are made already, or mend the voice (`hotline doctor`)"
        )
        raise BadBroadcast(f"the text could not be spoken: {fault}", remedy) from fault


def seconds_of(hotline: Hotline, broadcast: Broadcast) -> float:
    """How long callers hear it; estimated for what is prepared."""
    configuration = hotline.running.configuration
    if broadcast.text is not None:
        return length(prompt_door.said(hotline.settings, configuration, broadcast.text))
    prepared, known = configuration.broadcasts.named(broadcast.name), configuration.prompts
    prompts: list[Prompt | None] = [known.prompts.get(name) for name in prepared.prompts] if prepared else []
    language = configuration.lines.site.language
    return sum(estimated_seconds(one, language, known) for one in prompts if one is not None)


def is_long(seconds: float) -> bool:
    return seconds > LONGEST_LIST


def is_played(running: Running, broadcast: Broadcast) -> bool:
    """A prepared message may have been taken out of the files since it was switched on."""
    return broadcast.text is not None or running.configuration.broadcasts.named(broadcast.name) is not None


def board_of(hotline: Hotline) -> Board:
    """What this process shall play; to be refreshed."""

    def read() -> tuple[OnNow, ...]:
        with hotline.database.reading() as session:
            return as_on_now(broadcasts.all_on(session, hotline.now()))

    return Board(
        read,
        lambda text: prompt_door.said(hotline.settings, hotline.running.configuration, text),
        hotline.settings.home_dir / _MEMORY,
    )


def leads(hotline: Hotline, session: Session, agent_no: str) -> bool:
    """Whether this agent's phone is a shift leader's."""
    return accounts.is_leader(session, agent_no, hotline.now())
