"""Whoever can send a packet to our SIP port is neither a trunk nor an agent by saying so."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.desk_scenarios import REGISTER, refused_with
from support.running_hotline import RunningHotline
from support.sipp import HOST, free_port, run_sipp
from support.story_line import Line
from support.waiting import wait_for

from vocabulary.hotline_names import AGENT_PREFIX

STRANGER = "127.0.0.9"
"""An address of this machine that no trunk has."""
TRUNK = "trunk-test-loopback"
ASSERTED = "P-Asserted-Identity: <sip:110@127.0.0.1>\n"


@dataclass(frozen=True)
class Claim:
    """Whom a stranger says he is; `more`: header lines of his INVITE."""

    name: str
    user: str
    more: str = ""
    domains: tuple[str, ...] = (HOST, STRANGER)


CLAIMS = (
    Claim("the trunk", TRUNK),
    Claim("the trunk, with a number asserted", TRUNK, ASSERTED),
    Claim("an agent", AGENT_PREFIX),
    Claim("a citizen", "13900000002"),
    Claim("nobody", "anonymous", domains=(HOST, "anonymous.invalid")),
)


@pytest.fixture(scope="module")
def guarded(hotline: RunningHotline) -> Iterator[Line]:
    """A line that takes callers: who is let in would stand in it."""
    line = hotline.new_line()
    line.agent(has_phone=False)
    try:
        yield line
    finally:
        line.close()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_stranger_is_challenged_whoever_he_says_he_is(
    hotline: RunningHotline, guarded: Line, claim: Claim
) -> None:
    line, (agent_no,) = guarded, guarded.agents
    user = f"{claim.user}{agent_no}" if claim.user == AGENT_PREFIX else claim.user
    rows = [
        f"<sip:{user}@{domain}>;{called};" for domain in claim.domains for called in (line.number, "*10", "s")
    ]
    scenario = refused_with("401").replace("Max-Forwards: 70\n", f"Max-Forwards: 70\n{claim.more}")
    phone = run_sipp(
        scenario, port=free_port(), remote=f"{HOST}:{hotline.settings.sip_port}", rows=rows, calls=len(rows),
        rate=20, limit=10, host=STRANGER,
    )  # fmt: skip
    try:
        assert phone.wait(15) == 0, (phone.errors, phone.trace)
        assert line.calls() == []
        assert [
            row for row in hotline.queue_log if row[4] == "HOTLINE_ARRIVED" and row[6] == line.number
        ] == []
        assert hotline.get(f"/api/agents/{agent_no}")["state"] == "ready"
    finally:
        phone.stop()


def test_nobody_registers_as_a_trunk(hotline: RunningHotline) -> None:
    """Our calls out would go to him."""
    row = f"{TRUNK};[authentication username={TRUNK} password=guessed];"
    for host in (STRANGER, HOST):
        phone = run_sipp(
            REGISTER, port=free_port(), remote=f"{HOST}:{hotline.settings.sip_port}", rows=[row], limit=5, host=host
        )  # fmt: skip
        try:
            assert phone.wait(10) != 0
            assert wait_for(lambda phone=phone: "\nSIP/2.0 40" in phone.trace, 5)  # type: ignore[misc]
            assert "\nSIP/2.0 200" not in phone.trace
        finally:
            phone.stop()
    shown = hotline.ask(f"pjsip show aor {TRUNK}")
    assert [
        row.split()[1] for row in shown.splitlines() if row.strip().startswith("Contact:") and "sip:" in row
    ] == [f"{TRUNK}/sip:{HOST}:{hotline.citizen_port}"]
