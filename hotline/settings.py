"""Every setting that comes from the environment, in one documented class. Read once, at the edge; nothing else reads it.

What an admin changes (numbers, menus, rules) is not here but in the YAML files under `config`.
"""

from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

Port = Annotated[int, Field(ge=1, le=65535)]
_DATABASES: Final = ("sqlite", "postgresql", "postgresql+psycopg", "postgres")


class Settings(BaseSettings):
    """Each field is the environment variable HOTLINE_<NAME>. `hotline settings` prints them, secrets masked."""

    model_config = SettingsConfigDict(
        env_prefix="HOTLINE_", extra="ignore", frozen=True, hide_input_in_errors=True
    )

    home: Path = Field(
        Path("var"), description="State folder: database, keys, secrets, Asterisk's files, prompts."
    )
    config: Path | None = Field(None, description="Folder of the YAML files; HOTLINE_HOME/config if unset.")
    database_url: SecretStr | None = Field(
        None, description="postgresql+psycopg://user:secret@host/name, or unset: SQLite in HOTLINE_HOME."
    )
    timezone: str = Field(
        "Asia/Shanghai", description="Local time on pages, in prompts and for calendar rules."
    )

    language: Literal["zh", "en"] | None = Field(
        None,
        description="What problems of the config files are told in; unset: Chinese where the shell's LANG begins with zh.",
    )

    bind: str = Field("127.0.0.1", description="Address that the web API listens on.")
    http_port: Port = Field(8000, description="Web API.")
    sip_bind: str = Field("127.0.0.1", description="Address that Asterisk's SIP listens on.")
    sip_port: Port = Field(5060, description="SIP, UDP and TCP.")
    media_address: str = Field(
        "127.0.0.1", description="Address that stands in SDP; phones send their voice there."
    )
    rtp_start: Port = Field(10000, description="First UDP port for voice.")
    rtp_end: Port = Field(10999, description="Last UDP port for voice.")
    asterisk_bind: str = Field("127.0.0.1", description="Address of Asterisk's AMI and ARI.")
    asterisk_http_port: Port = Field(
        8088, description="Asterisk's HTTP: ARI, and the browsers' SIP behind our relay."
    )
    ami_port: Port = Field(5038, description="Asterisk's manager interface.")
    agi_bind: str = Field("127.0.0.1", description="Address where Asterisk finds our AGI server.")
    agi_port: Port = Field(4573, description="Our AGI server.")
    agi_peers: str = Field(
        "127.0.0.1", description="Addresses that may speak AGI to us, with commas between."
    )
    agi_threads: Annotated[int, Field(ge=1, le=2000)] = Field(
        256,
        description="Calls that may be in a menu at once; beyond it the dialplan leads straight to the queue.",
    )
    agi_step_seconds: Annotated[int, Field(ge=3, le=60)] = Field(
        6, description="Silence of our server after which the dialplan goes on without it."
    )
    ami_user: str = Field("hotline", description="AMI and ARI user.")
    ami_secret: SecretStr | None = Field(
        None, description="Made at first start and kept in HOTLINE_HOME/secrets.json."
    )
    ari_secret: SecretStr | None = Field(None, description="As HOTLINE_AMI_SECRET.")
    keys_file: Path | None = Field(
        None,
        description="Keys that seal citizens' data; HOTLINE_HOME/keys/keys.json if unset. Back it up apart.",
    )
    asterisk_root: Path | None = Field(
        None,
        description="Private root with an Asterisk ≥ 22 (scripts/up makes one); unset: the one on the PATH.",
    )
    asterisk_etc: Path | None = Field(
        None, description="Where rendered files go; HOTLINE_HOME/asterisk/etc if unset."
    )
    queue_log: Path | None = Field(
        None, description="Asterisk's queue_log; HOTLINE_HOME/asterisk/log/queue_log if unset."
    )
    number_searches_a_minute: Annotated[int, Field(ge=1, le=1000)] = Field(
        30, description="How often one API token may search a list by a citizen's number; each is audited."
    )
    system_name: str = Field(
        "hl1", description="Starts every call's id; must differ between Asterisk servers."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much the log says."
    )

    @field_validator("timezone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"no time zone {name!r}; write one such as Asia/Shanghai") from error
        return name

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr | None) -> SecretStr | None:
        """Here and not at the first use: the words of whoever stumbles over a part of it would hold the password's rest."""
        if url is not None and not _is_address(url.get_secret_value()):
            raise ValueError(
                "no address of a database (it is not shown, as it may hold a password); write one such as "
                "postgresql://user:secret@host/name or sqlite:////folder/file.db, and in user and secret "
                "%40 for @, %3A for :, %2F for / and %25 for %"
            )
        return url

    @model_validator(mode="after")
    def _ports_differ(self) -> "Settings":
        ports = {
            "HOTLINE_HTTP_PORT": self.http_port,
            "HOTLINE_SIP_PORT": self.sip_port,
            "HOTLINE_AGI_PORT": self.agi_port,
            "HOTLINE_AMI_PORT": self.ami_port,
            "HOTLINE_ASTERISK_HTTP_PORT": self.asterisk_http_port,
        }
        seen: dict[int, str] = {}
        for name, port in ports.items():
            if port in seen:
                raise ValueError(f"{name} and {seen[port]} are both {port}; give each its own port")
            seen[port] = name
        if self.rtp_end - self.rtp_start < 19:
            raise ValueError("HOTLINE_RTP_END must be at least 19 above HOTLINE_RTP_START")
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def home_dir(self) -> Path:
        return self.home.absolute()

    @property
    def config_dir(self) -> Path:
        return (self.config or self.home_dir / "config").absolute()

    @property
    def database(self) -> str:
        """The address that SQLAlchemy takes; holds a secret on PostgreSQL."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{self.home_dir / 'hotline.db'}"

    @property
    def keys_path(self) -> Path:
        return (self.keys_file or self.home_dir / "keys" / "keys.json").absolute()

    @property
    def prompts_dir(self) -> Path:
        return self.home_dir / "prompts"

    @property
    def voicemail_dir(self) -> Path:
        """Among the recordings, with which it is backed up."""
        return self.home_dir / "recordings" / "voicemail"

    @property
    def hold_dir(self) -> Path:
        return self.prompts_dir / "hold"

    @property
    def asterisk_dir(self) -> Path:
        return self.home_dir / "asterisk"

    @property
    def queue_log_path(self) -> Path:
        return (self.queue_log or self.asterisk_dir / "log" / "queue_log").absolute()


def _is_address(url: str) -> bool:
    """A second @ stands in a password as it is, and cuts the address in the wrong place."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return False
    if parsed.drivername not in _DATABASES:
        return False
    return parsed.drivername == "sqlite" or url.count("@") <= 1
