"""Settings from the environment for a command: a wrong value is named with its variable."""

from pydantic import ValidationError

from hotline.settings import Settings
from vocabulary.errors import HotlineError


class WrongEnvironment(HotlineError):
    """One line for each variable that cannot be taken."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("the environment is not right:\n  " + "\n  ".join(faults))
        self.faults = faults


def settings_from_environment() -> Settings:
    """Raises WrongEnvironment with all faults."""
    try:
        return Settings()
    except ValidationError as fault:
        raise WrongEnvironment([_words(str(e["msg"]), e["loc"]) for e in fault.errors()]) from fault


def _words(message: str, place: tuple[int | str, ...]) -> str:
    name = "_".join(str(part) for part in place).upper()
    return f"HOTLINE_{name}: {message}" if name else message
