"""Of two signals to take what was published the one that takes longer does not bring the older set back."""

from pathlib import Path
from threading import Event, Thread

from support.fake_switch import FakeSwitch
from support.web_hotline import shipped_configuration

from hotline.bootstrap import Hotline
from hotline.database import Database, make_engine
from hotline.settings import Settings
from ivr.config_files.running import Running
from ivr.prompts.rendering import PromptLibrary
from tickets.sealing import Sealer


def test_who_looked_first_and_was_slower_brings_no_older_set_back(tmp_path: Path) -> None:
    settings, sealer = Settings(home=tmp_path), Sealer({"k1": b"s" * 32}, "k1", b"d" * 32)
    database = Database(make_engine(f"sqlite:///{tmp_path / 'hotline.db'}"))
    hotline = Hotline(settings, database, sealer, FakeSwitch())
    configuration, library = shipped_configuration(), PromptLibrary({}, {})
    older, later = (Running(configuration, library, is_degraded) for is_degraded in (True, False))
    has_looked, later_runs = Event(), Event()
    in_force = older

    def slowly() -> Running:
        found = in_force
        has_looked.set()
        later_runs.wait(1)
        return found

    slow = Thread(target=hotline.take, args=(slowly,))
    slow.start()
    assert has_looked.wait(20)
    in_force = later
    hotline.take(lambda: in_force)
    later_runs.set()
    slow.join(20)
    assert hotline.running is later
