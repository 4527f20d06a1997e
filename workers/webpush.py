"""Encrypts what a push service carries and may not read (RFC 8291 over RFC 8188)."""

import os

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# One record holds all: a push service takes 4,096 bytes at most (RFC 8030 section 7.2).
RECORD_BYTES = 4096
_LAST_RECORD = b"\x02"


def encrypt(
    plain: bytes,
    *,
    p256dh: bytes,
    auth: bytes,
    salt: bytes | None = None,
    sender: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Return the body of a push message for a subscription's keys, `aes128gcm`.

    `p256dh` is the browser's public point (65 bytes), `auth` its secret (16 bytes). Each
    message has its own key pair and salt, which are given only to compare with the RFC.
    Raises ValueError for a point that is not on the curve.
    """
    salt = salt or os.urandom(16)
    sender = sender or ec.generate_private_key(ec.SECP256R1())
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), p256dh)
    own_point = sender.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    secret = _derive(
        sender.exchange(ec.ECDH(), receiver),
        salt=auth,
        info=b"WebPush: info\0" + p256dh + own_point,
        length=32,
    )
    key = _derive(secret, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derive(secret, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    header = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([len(own_point)]) + own_point
    return header + AESGCM(key).encrypt(nonce, plain + _LAST_RECORD, None)


def _derive(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
