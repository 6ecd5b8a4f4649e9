"""Before a start: who holds which port is said, with the setting that names another."""

import os
import socket

import pytest
from support.sipp import HOST, free_port

from hotline import ports
from hotline.settings import Settings

NAMES = ("http_port", "agi_port", "ami_port", "asterisk_http_port", "sip_port")


def settings_with(**more: object) -> Settings:
    own = {name: free_port(socket.SOCK_STREAM) for name in NAMES}
    return Settings.model_validate({**own, "rtp_start": 41000, "rtp_end": 41999, **more})


def taken(settings: Settings) -> list[str]:
    return [
        said for of_asterisk in (False, True) for said in ports.taken_ports(settings, of_asterisk=of_asterisk)
    ]


def test_free_ports_are_no_fault() -> None:
    assert taken(settings_with()) == []


@pytest.mark.parametrize(("name", "kind"), [*((name, ports.TCP) for name in NAMES), ("sip_port", ports.UDP)])
def test_a_port_that_somebody_holds_is_named_with_its_setting(name: str, kind: int) -> None:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, 0))
        if kind == ports.TCP:
            holder.listen()
        port = holder.getsockname()[1]
        settings = settings_with(**{name: port})
        with pytest.raises(ports.PortsAreTaken) as refused:
            ports.refuse_taken(settings, of_asterisk=name not in ("http_port", "agi_port"))
    protocol = "tcp" if kind == ports.TCP else "udp"
    words = str(refused.value)
    assert words.startswith(f"{HOST}:{port}/{protocol} is in use by process {os.getpid()} (")
    assert words.endswith(f": stop that, or set HOTLINE_{name.upper()} to a free port")


def test_an_address_that_is_not_of_this_machine_is_named() -> None:
    [said] = taken(settings_with(agi_bind="192.0.2.7"))
    assert said.startswith("192.0.2.7:")
    assert "HOTLINE_AGI_PORT" in said


def test_a_range_for_voice_is_taken_only_if_all_of_it_is() -> None:
    """Asterisk passes over a single port that is held."""
    holders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(20)]
    try:
        for port, holder in enumerate(holders, 42000):
            holder.bind(("0.0.0.0", port))
        settings = settings_with(rtp_start=42000, rtp_end=42019)
        [said] = taken(settings)
        assert "HOTLINE_RTP_START" in said
        holders[7].close()
        assert taken(settings) == []
    finally:
        for holder in holders:
            holder.close()
