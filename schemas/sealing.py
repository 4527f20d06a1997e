"""What must not be read in the database: sealed texts, digests and secrets.

Personal data is sealed with Fernet (AES-128-CBC + HMAC-SHA256, the Fernet
specification) under keys that live outside the database. Secrets that people
carry (tokens, receipt codes) are stored as SHA-256 only: they are random and
long, so no slow hash is needed (passwords are different: argon2 in staff).
"""

import hashlib
import hmac
import json
import secrets
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.words import Words


class Sealer:
    """Seals and opens personal data with the settings' keys, newest first."""

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.secret_keys
        self._fernet = MultiFernet([Fernet(key) for key in settings.secret_keys])

    def seal(self, value: Any) -> bytes:
        """Return `value` (anything JSON can hold) as sealed bytes."""
        return self._fernet.encrypt(json.dumps(value, ensure_ascii=False).encode())

    def open(self, sealed: bytes) -> Any:
        """Return what was sealed.

        Raises ConfigurationError when none of the keys fits.
        """
        try:
            return json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise ConfigurationError(
                "secret-keys-wrong",
                Words(
                    "SECRET_KEYS 中没有能打开这条数据的密钥。",
                    "None of SECRET_KEYS opens this record: add the key it was sealed with.",
                ),
                field="SECRET_KEYS",
            ) from None

    def digest(self, purpose: str, value: str) -> str:
        """Return a keyed digest (HMAC-SHA256, hex) by which equal values can be found.

        The oldest key is used, so that a new key put in front changes no digest.
        """
        key = derive_key(self._keys[-1], f"digest:{purpose}")
        return hmac.new(key, value.encode(), hashlib.sha256).hexdigest()


def derive_key(secret_key: str, purpose: str) -> bytes:
    """Return 32 bytes for one purpose from one secret key (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(
        secret_key.encode()
    )


def new_token(prefix: str) -> str:
    """Return a new bearer token of 256 random bits, marked by what it is for."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """Return what is stored of a token or receipt code (SHA-256, hex)."""
    return hashlib.sha256(token.encode()).hexdigest()
