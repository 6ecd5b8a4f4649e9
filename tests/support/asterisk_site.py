"""A site for the tests of Asterisk's rendered files, and the shipped templates."""

from dataclasses import replace
from typing import Any

from hotline import defaults_door
from ivr.telephony.asterisk_files import AsteriskSite

TEMPLATES = [defaults_door.shipped() / "asterisk"]


def site(**changes: Any) -> AsteriskSite:
    plain = AsteriskSite(
        system_name="hl1",
        **{
            name: f"/srv/hotline/{name}"
            for name in ("etc_dir", "module_dir", "data_dir", "lib_dir", "spool_dir", "run_dir")
        },
        log_dir="/srv/hotline/log_dir",
        prompts_dir="/srv/hotline/prompts/zh",
        said_dir="/srv/hotline/prompts",
        hold_dir="/srv/hotline/hold",
        hold_dirs={},
        sip_bind="127.0.0.1",
        sip_port=5060,
        media_address="127.0.0.1",
        rtp_start=10000,
        rtp_end=10999,
        asterisk_bind="127.0.0.1",
        asterisk_http_port=8088,
        ami_port=5038,
        ami_user="hotline",
        ami_secret="s3cret-s3cret",
        ari_user="hotline",
        ari_secret="s3cret-s3cret",
        server_address="127.0.0.1",
        agi_address="127.0.0.1",
        agi_port=4573,
        agi_step_seconds=6,
        trunk_secrets={},
    )
    return replace(plain, **changes)
