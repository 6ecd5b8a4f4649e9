"""Where everything of this hotline's Asterisk lies and listens, from the settings."""

from collections.abc import Mapping
from pathlib import Path

from hotline.asterisk_process import AsteriskProgram
from hotline.secrets_file import Secrets
from hotline.settings import Settings
from ivr.lines import Language, Lines
from ivr.telephony.asterisk_files import AsteriskSite


def etc_dir(settings: Settings) -> Path:
    """The folder of files that this Asterisk reads."""
    return (settings.asterisk_etc or settings.asterisk_dir / "etc").absolute()


def site_of(
    settings: Settings,
    program: AsteriskProgram,
    secrets: Secrets,
    lines: Lines,
    hold: Mapping[Language, Path],
    trunk_secrets: Mapping[str, str],
) -> AsteriskSite:
    """`hold`: the folders of hold music, by the languages that are heard."""
    base = settings.asterisk_dir
    return AsteriskSite(
        system_name=settings.system_name,
        etc_dir=str(etc_dir(settings)),
        module_dir=program.module_dir,
        data_dir=str(base / "data"),
        lib_dir=str(base / "lib"),
        spool_dir=str(base / "spool"),
        run_dir=str(base / "run"),
        log_dir=str(base / "log"),
        prompts_dir=str(settings.prompts_dir / lines.site.language),
        said_dir=str(settings.prompts_dir),
        hold_dir=str(hold[lines.site.language]),
        hold_dirs={one: str(folder) for one, folder in hold.items() if one != lines.site.language},
        sip_bind=settings.sip_bind,
        sip_port=settings.sip_port,
        media_address=settings.media_address,
        rtp_start=settings.rtp_start,
        rtp_end=settings.rtp_end,
        asterisk_bind=settings.asterisk_bind,
        asterisk_http_port=settings.asterisk_http_port,
        ami_port=settings.ami_port,
        ami_user=settings.ami_user,
        ami_secret=secrets.ami_secret,
        ari_user=settings.ami_user,
        ari_secret=secrets.ari_secret,
        server_address="127.0.0.1" if settings.agi_bind == "0.0.0.0" else settings.agi_bind,
        agi_address="127.0.0.1" if settings.agi_bind == "0.0.0.0" else settings.agi_bind,
        agi_port=settings.agi_port,
        agi_step_seconds=settings.agi_step_seconds,
        trunk_secrets=trunk_secrets,
    )
