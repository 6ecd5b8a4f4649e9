"""The only builder: joins settings, database, keys, configuration and telephony into one running hotline."""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from hotline import config_door, keys
from hotline.as_found import first_line
from hotline.database import Database, make_engine, require_current
from hotline.database_gate import DatabaseIsNeeded, GatedDatabase
from hotline.keys import keys_of
from hotline.secrets_file import Secrets, load_or_make
from hotline.settings import Settings
from ivr.agents.roster import all_agents
from ivr.agents.switch import Switch
from ivr.config_files.running import Running
from ivr.telephony.queue_switch import AccountsOnly
from ivr.telephony.sip_accounts import AriDoor, AsteriskRefused, PhoneNetwork, SipAccounts
from tickets.sealing import Sealer
from tickets.voicemails import Voicemails
from vocabulary.errors import HotlineError

_log = logging.getLogger(__name__)
_EARLIER_SETS: Final = 10


@dataclass
class Hotline:
    """Everything that the three doors (AGI, web, CLI) and the worker need."""

    settings: Settings
    database: Database
    sealer: Sealer
    switch: Switch
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    _running: Running | None = None
    _earlier: dict[str, Running] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _taking: threading.Lock = field(default_factory=threading.Lock)

    @property
    def running(self) -> Running:
        """A caller keeps what it got: a reload in the middle of a call changes nothing for that call."""
        assert self._running is not None, "bootstrap.build sets it"
        return self._running

    def replace_running(self, running: Running) -> None:
        with self._lock:
            if self._running is not None:
                self._remember(self._running)
            self._running = running

    def take(self, load: Callable[[], Running]) -> None:
        """`load` looks what is in force. One at a time: who looked first and was slower would bring the older set back."""
        with self._taking:
            self.replace_running(load())

    def ran_earlier(self, version: str) -> Running | None:
        """For a call that began with it; None if too many sets, or a day, went by since."""
        with self._lock:
            return self._earlier.get(version)

    def remember(self, earlier: Iterable[Running]) -> None:
        """The oldest first: sets that calls may have begun with before this process started."""
        with self._lock:
            for running in earlier:
                self._remember(running)

    def _remember(self, running: Running) -> None:
        self._earlier.pop(running.configuration.version, None)
        self._earlier[running.configuration.version] = running
        for version in list(self._earlier)[:-_EARLIER_SETS]:
            del self._earlier[version]


def build(settings: Settings) -> Hotline:
    """For a command: everything must be right now, and what is in force stays so. A first start makes keys and secrets.

    Raises HotlineError, and what the database says if it is away.
    """
    running = config_door.load_in_force(settings)
    database = Database(make_engine(settings.database))
    try:
        require_current(database)
        sealer = keys_of(settings, database)
    except BaseException:  # whatever it is: nobody gets this engine, so nobody would close it
        database.engine.dispose()
        raise
    return _join(settings, running, database, sealer)


def build_server(settings: Settings) -> Hotline:
    """For `serve`: with a database that is away too, since callers are greeted and queued without; `database` is then
    a GatedDatabase that is still to be opened.

    Raises HotlineError if there is nothing good to run on, or what is there does not belong together.
    """
    running = config_door.load(settings)
    for line in config_door.told_of_the_folder(settings):
        _log.warning("configuration: %s", line)

    def prove(database: Database) -> None:
        require_current(database)
        keys.prove(sealer, settings.keys_path, database)

    database = GatedDatabase(make_engine(settings.database), prove)
    plain = Database(database.engine)
    try:
        if settings.keys_path.exists():
            sealer = Sealer.from_file(settings.keys_path)
        else:
            require_current(plain)
            sealer = keys_of(settings, plain)
        database.open()
    except SQLAlchemyError as fault:
        if not settings.keys_path.exists():
            database.engine.dispose()
            raise DatabaseIsNeeded(
                f"{settings.keys_path}: there is no file of keys, and the database cannot be asked whether it needs one "
                f"({first_line(fault)}). Start the database, or restore the file"
            ) from fault
        _log.error("the database is away, callers are greeted and queued without: %s", first_line(fault))
    except BaseException:  # Ctrl-C too: nobody gets this engine, so nobody would close it
        database.engine.dispose()
        raise
    hotline = _join(settings, running, database, sealer)
    hotline.remember(config_door.load_recent(settings, hotline.now()))
    return hotline


def _join(settings: Settings, running: Running, database: Database, sealer: Sealer) -> Hotline:
    hotline = Hotline(
        settings=settings,
        database=database,
        sealer=sealer,
        switch=AccountsOnly(sip_accounts(settings, running.configuration.lines.site.language)),
    )
    hotline.replace_running(running)
    return hotline


def voicemails(hotline: Hotline) -> Voicemails:
    return Voicemails(hotline.settings.voicemail_dir, hotline.sealer.digest)


def secrets_of(settings: Settings) -> Secrets:
    settings.home_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return load_or_make(settings)


def ari_door(settings: Settings) -> AriDoor:
    url = f"http://{settings.asterisk_bind}:{settings.asterisk_http_port}"
    return AriDoor(url, settings.ami_user, secrets_of(settings).ari_secret)


def sip_accounts(settings: Settings, language: str) -> SipAccounts:
    return SipAccounts(ari_door(settings), PhoneNetwork(settings.media_address, language))


def put_missing_accounts(hotline: Hotline) -> None:
    """Agents whose SIP account Asterisk does not have (its store was lost, or it was off when they were added).

    After a start of Asterisk, and when the program or its settings write other fields than before, all agents: so what an
    upgrade changes reaches the accounts that are there.

    Raises AsteriskRefused when ARI is not reached; an account that cannot be made keeps none of the others back.
    """
    language = hotline.running.configuration.lines.site.language
    accounts = sip_accounts(hotline.settings, language)
    are_current = accounts.are_current()
    there = accounts.existing() if are_current else set()
    with hotline.database.reading() as session:
        missing = [agent for agent in all_agents(session) if agent.agent_no not in there]
    for agent in missing:
        try:
            accounts.put(agent.agent_no, agent.name, hotline.sealer.open(agent.sip_secret_sealed))
        except HotlineError as fault:
            if isinstance(fault, AsteriskRefused) and not fault.status:
                raise
            _log.warning("agent %s: no SIP account could be made: %s", agent.agent_no, fault)
            continue
        _log.info("agent %s: SIP account made anew in Asterisk", agent.agent_no)
    if not are_current:
        accounts.mark_current()
