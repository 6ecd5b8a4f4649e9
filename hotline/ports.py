"""The ports that a hotline on this machine listens on, and who holds them: looked at before a start, and by the doctor."""

import errno
import socket
from dataclasses import dataclass
from typing import Final

from hotline.other_processes import holder_of
from hotline.settings import Settings
from vocabulary.errors import HotlineError

TCP: Final = socket.SOCK_STREAM
UDP: Final = socket.SOCK_DGRAM


class PortsAreTaken(HotlineError):
    """Another program holds ports that the hotline needs; the text names each with its setting."""


@dataclass(frozen=True)
class WantedPort:
    """`transport`: the name that Asterisk's files give it, for SIP."""

    setting: str
    address: str
    port: int
    kind: int
    is_asterisks: bool
    transport: str | None = None

    def __str__(self) -> str:
        return f"{self.address}:{self.port}/{'tcp' if self.kind == TCP else 'udp'}"

    def is_free(self) -> bool:
        """Raises OSError if the address is not on this machine, or the right is missing."""
        return _can_bind(self.address, self.port, self.kind)


def wanted_ports(settings: Settings) -> tuple[WantedPort, ...]:
    """All but those for voice."""
    sip = ("HOTLINE_SIP_PORT", settings.sip_bind, settings.sip_port)
    inside = settings.asterisk_bind
    return (
        WantedPort("HOTLINE_HTTP_PORT", settings.bind, settings.http_port, TCP, is_asterisks=False),
        WantedPort("HOTLINE_AGI_PORT", settings.agi_bind, settings.agi_port, TCP, is_asterisks=False),
        WantedPort(*sip, UDP, is_asterisks=True, transport="transport-udp"),
        WantedPort(*sip, TCP, is_asterisks=True, transport="transport-tcp"),
        WantedPort("HOTLINE_AMI_PORT", inside, settings.ami_port, TCP, is_asterisks=True),
        WantedPort("HOTLINE_ASTERISK_HTTP_PORT", inside, settings.asterisk_http_port, TCP, is_asterisks=True),
    )


def taken_ports(settings: Settings, *, of_asterisk: bool) -> list[str]:
    """One sentence with its remedy for each port that Asterisk, or our server, cannot have now; to be asked while that one
    does not run."""
    found = [
        said for one in wanted_ports(settings) if one.is_asterisks is of_asterisk and (said := _why_not(one))
    ]
    if not of_asterisk:
        return found
    # Asterisk passes over a port for voice that somebody holds, and takes another of the range
    voice = range(settings.rtp_start, settings.rtp_end + 1)
    if not any(_can_bind("0.0.0.0", port, UDP) for port in voice):
        found.append(
            f"all UDP ports from {voice[0]} to {voice[-1]} are in use by other programs: "
            "set HOTLINE_RTP_START and HOTLINE_RTP_END to a free range"
        )
    return found


def _why_not(wanted: WantedPort) -> str | None:
    try:
        if wanted.is_free():
            return None
    except OSError as fault:
        return (
            f"{wanted} cannot be used: {fault.strerror}; set {wanted.setting}, or the address that it is on"
        )
    holder = holder_of(wanted.port, wanted.kind)
    return f"{wanted} is in use by {holder}: stop that, or set {wanted.setting} to a free port"


def refuse_taken(settings: Settings, *, of_asterisk: bool) -> None:
    """Raises PortsAreTaken. An Asterisk without its SIP port starts all the same, and no citizen could call."""
    if found := taken_ports(settings, of_asterisk=of_asterisk):
        raise PortsAreTaken("\n  ".join(found))


def _can_bind(address: str, port: int, kind: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == TCP:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as fault:
            if fault.errno == errno.EADDRINUSE:
                return False
            raise
    return True
