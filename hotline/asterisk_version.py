"""Which Asterisk really runs, asked over the manager connection: on a site its service manager starts it, and an upgrade of
the system may bring another one than was looked at."""

import logging
import re
from typing import Final

from hotline.asterisk_process import OLDEST
from ivr.telephony.ami import Ami, AmiFault

_log = logging.getLogger(__name__)
_NUMBER: Final = re.compile(r"\d+")


async def running_version(ami: Ami) -> str | None:
    """As it names itself, such as 22.10.1; None if it does not say. Raises AmiFault."""
    reply = await ami.send({"Action": "CoreSettings"})
    return reply.fields.get("AsteriskVersion") or None if reply.is_success else None


def why_not(version: str | None) -> str | None:
    """In words, with the remedy; None: it is new enough, or did not tell. Calls are not refused for it."""
    found = _NUMBER.search(version or "")
    if found is None or int(found[0]) >= OLDEST:
        return None
    return (
        f"Asterisk {version} runs, but {OLDEST} or newer is needed: older ones read the queues' arguments otherwise, "
        "in silence. Install a newer one and restart it"
    )


async def look(ami: Ami) -> str | None:
    """The same, with a line in the log for one that is too old. Never fails: nothing else shall wait for it."""
    try:
        version = await running_version(ami)
    except AmiFault as fault:
        _log.warning("Asterisk was not asked for its version: %s", fault)
        return None
    if why := why_not(version):
        _log.error("%s", why)
    return version
