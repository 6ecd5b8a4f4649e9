"""An Asterisk that is too old is named by the part that tells about it; nothing is refused for it."""

import asyncio

import pytest
from support.fake_ami import FakeAmi

from hotline.asterisk_version import running_version, why_not
from ivr.telephony.ami import Ami
from ivr.telephony.ami_blocks import Block

SETTINGS = "Response: Success\r\nAMIversion: 11.0.0\r\nAsteriskVersion: {}\r\nSystemName: hl1\r\n\r\n"
DENIED = "Response: Error\r\nMessage: Permission denied\r\n\r\n"


async def _nothing(_event: Block) -> None:
    return


def told(answer: str) -> str | None:
    async def ask() -> str | None:
        async with FakeAmi({"CoreSettings": answer}) as asterisk:
            ami = Ami(port=asterisk.port, username="u", secret="s", on_event=_nothing)
            await ami.start()
            try:
                assert await ami.wait_connected(10)
                return await running_version(ami)
            finally:
                await ami.stop()

    return asyncio.run(ask())


def test_it_is_asked_what_it_is() -> None:
    assert told(SETTINGS.format("22.10.1~dfsg+~cs6.15.60671435-1")) == "22.10.1~dfsg+~cs6.15.60671435-1"
    assert told(DENIED) is None


@pytest.mark.parametrize("version", ["22.10.1~dfsg", "22", "23.1.0", "GIT-22-abc1234", None, "", "unknown"])
def test_these_will_do(version: str | None) -> None:
    assert why_not(version) is None


@pytest.mark.parametrize("version", ["20.11.0", "18", "certified/20.7-cert2", "GIT-21-ff00112", "1.8.32"])
def test_these_are_named(version: str) -> None:
    why = why_not(version)
    assert why is not None
    assert why.startswith(f"Asterisk {version} runs, but 22 or newer is needed")
