"""Secrets made at first start: random, mode 600, never a default, never printed twice."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from hotline.settings import Settings


@dataclass(frozen=True)
class Secrets:
    ami_secret: str
    ari_secret: str


def load_or_make(settings: Settings) -> Secrets:
    """From the environment, else from HOTLINE_HOME/secrets.json, which is made if it is not there."""
    path = settings.home_dir / "secrets.json"
    if not path.exists():
        write_private(
            path, json.dumps(asdict(Secrets(secrets.token_urlsafe(24), secrets.token_urlsafe(24))), indent=1)
        )
    kept = Secrets(**json.loads(path.read_text(encoding="utf-8")))
    return Secrets(
        settings.ami_secret.get_secret_value() if settings.ami_secret else kept.ami_secret,
        settings.ari_secret.get_secret_value() if settings.ari_secret else kept.ari_secret,
    )


def write_private(path: Path, text: str) -> None:
    """The file appears whole, readable by its owner only."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(path)
