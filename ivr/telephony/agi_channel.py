"""The caller's line over AGI: what ivr.calls asks of a channel, said in Asterisk's words."""

import logging
import re
from typing import Final

from ivr.calls.channel import CallerHungUp
from ivr.telephony.agi_errors import AgiFault, CommandFailed, UnsafeText
from ivr.telephony.agi_session import AgiSession
from vocabulary.hotline_names import STEP_LIMIT

_log = logging.getLogger(__name__)
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z_]\w*(\([\w,:.@() -]*\))?", re.ASCII)
_KEYS: Final = re.compile(r"[0-9*#A-D]*")

_SAMPLES_A_SECOND: Final = 8000
_TONE: Final = "!1000/300"
_TONE_MILLISECONDS: Final = 350


class AgiChannel:
    """Implements ivr.calls.channel.Channel; with `outlives_hangup`, variables stay readable after the end."""

    def __init__(self, session: AgiSession, *, outlives_hangup: bool = False) -> None:
        self._session = session
        session.outlives_hangup = outlives_hangup

    @property
    def call_id(self) -> str:
        return self._session.call_id

    @property
    def language(self) -> str:
        return self._session.env.get("agi_language", "")

    @property
    def is_hung_up(self) -> bool:
        """Whether Asterisk has said so by now."""
        return self._session.is_hung_up

    def argument(self, n: int) -> str:
        return self._session.argument(n)

    def variable(self, name: str) -> str:
        result = self._session.execute(
            "GET FULL VARIABLE", self._session.quote(f"${{{self._checked(name)}}}")
        )
        value, text = result["result"]
        return text if value == "1" else ""

    def set_variable(self, name: str, value: str) -> None:
        self._session.set_variable(self._checked(name), value)

    def play(self, path: str, keys: str = "") -> str | None:
        if not _KEYS.fullmatch(keys):
            raise UnsafeText(self.call_id, f"{keys!r} as keys that stop a prompt")
        quote = self._session.quote
        try:
            result = self._session.execute("STREAM FILE", quote(path), quote(keys))
        except CommandFailed:
            _log.error("call %s: prompt %s is missing or cannot be played", self.call_id, path)
            return None
        return self._key(result["result"][0])

    def wait_key(self, seconds: float) -> str | None:
        return self._key(self._session.execute("WAIT FOR DIGIT", max(1, round(seconds * 1000)))["result"][0])

    def record(self, path: str, keys: str, longest: int, silence: int) -> float | None:
        if not _KEYS.fullmatch(keys):
            raise UnsafeText(self.call_id, f"{keys!r} as keys that end a message")
        quote = self._session.quote
        try:
            self._tone()
            file = (quote(path), "wav", quote(keys), longest * 1000, f"s={silence}")
            result = self._session.execute("RECORD FILE", *file)
        except CommandFailed as fault:
            _log.error("call %s: nothing can be recorded: %s", self.call_id, fault)
            return None
        if result["result"][1] == "hangup":
            raise CallerHungUp(self.call_id)
        return int(result.get("endpos", ("0", ""))[0]) / _SAMPLES_A_SECOND

    def _tone(self) -> None:
        """Made by Asterisk itself: no file of it need be there. A key pressed meanwhile ends nothing yet."""
        self._session.execute("EXEC Playtones", self._session.quote(_TONE))
        self._session.execute("WAIT FOR DIGIT", _TONE_MILLISECONDS)
        self._session.execute("EXEC StopPlaytones")

    def still_there(self) -> None:
        self._session.execute("NOOP")

    def let_go(self) -> None:
        self._session.close()

    def allow(self, seconds: int) -> None:
        self._session.step_seconds = seconds
        self._session.set_variable(STEP_LIMIT, str(seconds))

    def _key(self, code: str) -> str | None:
        if code == "0":
            return None
        if code.isdecimal() and len(code) <= 3 and _KEYS.fullmatch(chr(int(code))):
            return chr(int(code))
        raise AgiFault(self.call_id, f"{code!r} is no key")

    def _checked(self, name: str) -> str:
        if not _VARIABLE_NAME.fullmatch(name):
            raise UnsafeText(self.call_id, f"{name!r} as the name of a variable")
        return name
