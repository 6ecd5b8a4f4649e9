"""Another program holds the SIP port: the start fails and says so, and nobody takes that program for Asterisk."""

import os
import socket
from collections.abc import Iterator

import pytest
from support.running_hotline import RunningHotline
from support.sipp import HOST

from hotline import doctor_asterisk, doctor_machine, ports
from hotline.asterisk_process import AsteriskFailed
from hotline.findings import Level


@pytest.fixture
def laid_out() -> Iterator[RunningHotline]:
    hotline = RunningHotline()
    try:
        hotline.lay_out()
        yield hotline
    finally:
        hotline.stop()


@pytest.mark.parametrize(
    ("kind", "transport"), [(ports.UDP, "transport-udp"), (ports.TCP, "transport-tcp")], ids=["udp", "tcp"]
)
def test_an_asterisk_that_hears_no_sip_is_not_ready(
    laid_out: RunningHotline, kind: int, transport: str
) -> None:
    settings = laid_out.settings
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, settings.sip_port))
        if kind == ports.TCP:
            holder.listen()
        with pytest.raises(AsteriskFailed, match=rf"does not hear SIP by {transport}: .*HOTLINE_SIP_PORT"):
            laid_out.start_asterisk()

        there = doctor_asterisk.transports(settings)
        assert there is not None
        assert transport not in there
        found = doctor_machine.ports(settings, is_server_up=False, is_asterisk_up=True, transports=there)
        [failed] = [one for one in found if one.level is Level.FAIL]
        assert f"Asterisk runs without {transport}" in failed.said
        assert f"in use by process {os.getpid()} (" in failed.said
        assert "HOTLINE_SIP_PORT" in failed.remedy
