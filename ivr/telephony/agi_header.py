"""The first lines that Asterisk sends on an AGI connection; forged lines among them change nothing."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ivr.telephony.agi_errors import BadHeader
from ivr.telephony.any_encoding import decode_any

LONGEST_HEADER: Final = 64 * 1024
LONGEST_LINE: Final = 8 * 1024

# Asterisk writes these before anything a caller can influence, so their first value is the true one. What
# comes after the caller's number and name (context, extension …) is true in its last value.
_WRITTEN_FIRST: Final = frozenset(
    {
        "agi_network",
        "agi_network_script",
        "agi_request",
        "agi_channel",
        "agi_language",
        "agi_type",
        "agi_uniqueid",
        "agi_version",
    }
)
_LAST_BEFORE_ARGUMENTS: Final = "agi_threadid"
_ARGUMENT: Final = "agi_arg_"


def parse_header(raw: bytes) -> Mapping[str, str]:
    """The header's lines without the blank one; raises BadHeader when it names no script.

    Arguments count only after the last `agi_threadid`: Asterisk writes them at the very end.
    """
    values: dict[str, str] = {}
    arguments: dict[str, str] = {}
    for line in raw.split(b"\n"):
        key, colon, value = decode_any(line.rstrip(b"\r")).partition(":")
        key, value = key.strip(), value.strip().replace("\0", "")
        if not colon or not key.startswith("agi_"):
            continue
        if key == _LAST_BEFORE_ARGUMENTS:
            arguments.clear()
        if key.startswith(_ARGUMENT):
            arguments[key] = value
        elif key in _WRITTEN_FIRST:
            values.setdefault(key, value)
        else:
            values[key] = value
    if not values.get("agi_network_script"):
        raise BadHeader("the AGI header names no script")
    return MappingProxyType(values | arguments)


def script_of(header: Mapping[str, str]) -> str:
    """The path of `agi://host:port/path?…`, without slashes around it."""
    return header["agi_network_script"].partition("?")[0].strip("/")
