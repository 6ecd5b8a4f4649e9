"""A broadcast is switched on or off: checked against the files in force, spoken if need be, and only then in the database.

Three doors come here: the command, the API, and a shift leader's phone.
"""

from datetime import datetime, timedelta

from pydantic import ValidationError
from sqlmodel import Session

from hotline import accounts, prompt_door
from hotline.bootstrap import Hotline
from hotline.settings import Settings
from ivr.calls import broadcasts
from ivr.calls.broadcast_board import Board, OnNow, as_on_now
from ivr.calls.broadcasts import BadBroadcast, Broadcast, Wanted
from ivr.calls.broadcasts_meanwhile import Meanwhile
from ivr.config_files.checker import Configuration
from ivr.config_files.published import store_of
from ivr.config_files.running import Running
from ivr.menus.times import LONGEST_LIST
from ivr.prompts.estimate import estimated_seconds
from ivr.prompts.rendering import PromptFailed, VoiceToolsMissing
from ivr.prompts.schema import Prompt
from ivr.prompts.sounds import length
from ivr.prompts.speech import Unspeakable

_MEMORY = "broadcasts.json"
_MEANWHILE = "broadcasts_meanwhile"


def prepare(hotline: Hotline, wanted: Wanted, by: str) -> Broadcast:
    """Everything that may fail, and takes time, but the database. Raises BadBroadcast."""
    return prepared(hotline.settings, hotline.running.configuration, wanted, by, hotline.now())


def prepared(
    settings: Settings, configuration: Configuration, wanted: Wanted, by: str, now: datetime
) -> Broadcast:
    """The same without a database. Raises BadBroadcast."""
    broadcast = broadcasts.planned(configuration, wanted, by, now)
    if broadcast.text is not None:
        _speak(settings, configuration, broadcast.text)
        longest = timedelta(minutes=configuration.broadcasts.longest_minutes)
        prompt_door.forget_said(settings, (now - longest - timedelta(days=1)).timestamp())
    return broadcast


def switch_on(hotline: Hotline, wanted: Wanted, by: str) -> Broadcast:
    """Raises BadBroadcast."""
    broadcast = prepare(hotline, wanted, by)
    with hotline.database.writing() as session:
        return broadcasts.switch_on(session, broadcast)


def meanwhile(settings: Settings) -> Meanwhile:
    """What is switched on this machine while the database is away. By command alone: who may use the API or a shift leader's
    phone is known by tokens, and those are in the database."""
    return Meanwhile(settings.home_dir / _MEANWHILE)


def has_run(settings: Settings) -> bool:
    """A server has published here: no slip in HOTLINE_HOME lays a file where no server looks."""
    return store_of(settings.home_dir).is_dir()


def _speak(settings: Settings, configuration: Configuration, text: str) -> None:
    """Made now, in the hands of who waits for it, never in a call."""
    try:
        prompt_door.said(settings, configuration, text)
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

    waiting = meanwhile(hotline.settings)

    def read() -> tuple[OnNow, ...]:
        waiting.enter(hotline.database.writing)
        with hotline.database.reading() as session:
            return as_on_now(broadcasts.all_on(session, hotline.now()))

    return Board(
        read,
        lambda text: prompt_door.said(hotline.settings, hotline.running.configuration, text),
        hotline.settings.home_dir / _MEMORY,
        switched=waiting.noted,
    )


def leads(hotline: Hotline, session: Session, agent_no: str) -> bool:
    """Whether this agent's phone is a shift leader's."""
    return accounts.is_leader(session, agent_no, hotline.now())
