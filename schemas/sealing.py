"""What must not be read in the database: sealed texts, digests and secrets.

Personal data is sealed with Fernet (AES-128-CBC + HMAC-SHA256, the Fernet
specification) under keys that live outside the database. Secrets that people
carry (tokens, receipt codes) are stored as SHA-256 only: they are random and
long, so no slow hash is needed (passwords are different: argon2 in staff).
"""

import hashlib
import hmac
import json
import re
import secrets
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.words import Words

HIDDEN = "＊＊＊"
_PHONE_LIKE = re.compile(r"(?<!\d)(?:\+?86[-\s]?)?1[3-9]\d(?:[-\s]?\d){8}(?!\d)")


class Sealer:
    """Seals and opens personal data with the settings' keys, newest first."""

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.secret_keys
        self._fernets = [Fernet(key) for key in settings.secret_keys]
        self._fernet = MultiFernet(self._fernets)

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
            raise _wrong_keys() from None

    def reseal(self, sealed: bytes) -> bytes:
        """Return the same content sealed with the newest key, without its leaving this call.

        Raises ConfigurationError when none of the keys fits.
        """
        self.key_of(sealed)
        return self._fernet.rotate(sealed)

    def key_of(self, sealed: bytes) -> int:
        """Return which key sealed this: 0 is the newest.

        Raises ConfigurationError when none of the keys fits.
        """
        for index, fernet in enumerate(self._fernets):
            try:
                fernet.decrypt(sealed)
            except InvalidToken:
                continue
            return index
        raise _wrong_keys()

    def digest(self, purpose: str, value: str) -> str:
        """Return a keyed digest (HMAC-SHA256, hex) by which equal values can be found."""
        return self.digests(purpose, value)[0]

    def digests(self, purpose: str, value: str) -> tuple[str, ...]:
        """Return a value's digest under each key, the newest first.

        What is stored is written under the newest and looked for under all of them, so
        that no key is needed for ever: `keys rotate` renews what stands under older ones.
        """
        return tuple(
            hmac.new(
                derive_key(key, f"digest:{purpose}"), value.encode(), hashlib.sha256
            ).hexdigest()
            for key in self._keys
        )


def _wrong_keys() -> ConfigurationError:
    return ConfigurationError(
        "secret-keys-wrong",
        Words(
            "SECRET_KEYS 中没有能打开这条数据的密钥。",
            "None of SECRET_KEYS opens this record: add the key it was sealed with.",
        ),
        field="SECRET_KEYS",
    )


@cache
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


def hide_phones(text: str) -> str:
    """Return a text with what looks like a mainland mobile number hidden."""
    return _PHONE_LIKE.sub(HIDDEN, text)
