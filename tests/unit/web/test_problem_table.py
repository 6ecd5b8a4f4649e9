"""The written table has a row for every error that the rooms behind the web door can raise."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator

import hotline.database
import hotline.web
import ivr.agents
import missed_call_redial
import tickets
from hotline.web.problems import TABLE, kind_of
from vocabulary.errors import HotlineError

# Raised by migrations, at a start, in a menu, by the dispatcher and on the command line; no request comes there.
NOT_BEHIND_THE_WEB = {
    "DanglingReferences",
    "NotMigrated",
    "DialerIsDown",
    "NotPlaced",
    "NoSuchUser",
    "NoRoom",
}


def every_error(of: type[HotlineError] = HotlineError) -> Iterator[type[HotlineError]]:
    for below in of.__subclasses__():
        yield below
        yield from every_error(below)


def test_every_error_behind_the_web_has_a_row() -> None:
    for package in (tickets, missed_call_redial, ivr.agents, hotline.web):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    rooms = (
        "tickets.",
        "missed_call_redial.",
        "ivr.agents.",
        "hotline.web.",
        "hotline.accounts.",
        "hotline.database.",
    )
    behind = {error for error in every_error() if f"{error.__module__}.".startswith(rooms)}
    missing = {error.__name__ for error in behind if error not in TABLE} - NOT_BEHIND_THE_WEB
    assert not missing, "write a row for it in hotline/web/problems.py"


def test_a_row_tells_only_what_its_error_carries() -> None:
    for error, kind in TABLE.items():
        assert kind.title[0].isupper(), error
        assert 400 <= kind.status < 600, error
        assert set(kind.told) <= set(inspect.signature(error.__init__).parameters), error


def test_an_error_below_a_row_has_its_row() -> None:
    known = next(iter(TABLE))

    class Narrower(known):  # type: ignore[misc, valid-type]
        pass

    class Unknown(HotlineError):
        pass

    assert kind_of(Narrower()) is TABLE[known]
    assert kind_of(Unknown()) is None
