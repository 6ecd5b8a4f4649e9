"""How a citizen's number and name are kept: sealed for those who may open them, hashed to be found again.

Keys live in a file outside the database; old seal keys stay readable, new values use the current one.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vocabulary.errors import HotlineError

_NONCE_BYTES = 12
_KEY_BYTES = 32


class SealIsBroken(HotlineError):
    """A sealed value cannot be opened: damaged, or sealed with a key that we do not have (`key_id`)."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f'a value sealed with key "{key_id}" cannot be opened')
        self.key_id = key_id


class KeyFileIsUnusable(HotlineError):
    """The file of keys is missing, damaged, or open to other users of the machine."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(f"{path}: {fault}")
        self.path = path
        self.fault = fault


class Sealer:
    """AES-256-GCM with a random nonce; the key's id stands before the value and is authenticated with it."""

    def __init__(self, seal_keys: Mapping[str, bytes], current: str, digest_key: bytes) -> None:
        self._ciphers = {key_id: AESGCM(key) for key_id, key in seal_keys.items()}
        self._current = current
        self._digest_key = digest_key
        if current not in self._ciphers or any(":" in key_id for key_id in seal_keys):
            raise ValueError("the current key must be among the seal keys, and no key id may hold a colon")

    def seal(self, text: str) -> str:
        """`<key id>:<base64url of nonce and ciphertext>`; the same text gives another value each time."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, text.encode(), self._current.encode())
        return f"{self._current}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str) -> str:
        """Raises SealIsBroken."""
        key_id, _, value = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SealIsBroken(key_id)
        try:
            raw = base64.urlsafe_b64decode(value)
            return cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], key_id.encode()).decode()
        except (ValueError, InvalidTag) as fault:
            raise SealIsBroken(key_id) from fault

    def digest(self, text: str) -> str:
        """HMAC-SHA256 in hex: equal texts are found without opening anything."""
        return hmac.new(self._digest_key, text.encode(), hashlib.sha256).hexdigest()

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Raises KeyFileIsUnusable, also when the group or others may read the file."""
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise KeyFileIsUnusable(path, "other users may read it; its mode must be 600")
            kept = json.loads(path.read_text("ascii"))
            keys = {str(key_id): base64.b64decode(key) for key_id, key in kept["seal_keys"].items()}
            return cls(keys, kept["current"], base64.b64decode(kept["digest_key"]))
        except FileNotFoundError as fault:
            raise KeyFileIsUnusable(
                path, "the file of keys is missing; restore it from its backup"
            ) from fault
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            raise KeyFileIsUnusable(path, "it is not a file of keys") from fault

    @classmethod
    def create_file(cls, path: Path) -> Self:
        """Writes fresh random keys, mode 600; raises FileExistsError rather than lose keys in use.

        The key's id is random too: two files that were made apart can be joined, and each opens what is its own.
        """
        key_id = f"k{secrets.token_hex(4)}"
        kept = {
            "current": key_id,
            "seal_keys": {key_id: base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()},
            "digest_key": base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode(),
        }
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            json.dump(kept, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return cls.from_file(path)
