"""The operator's key for Web Push: a push service knows by it who sends (VAPID, RFC 8292)."""

import base64
import binascii
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from joserfc import jwt
from joserfc.jwk import ECKey

# At most 24 hours (RFC 8292 section 2); half of it leaves room for a clock that is wrong.
GOOD_FOR = timedelta(hours=12)
# The order of the curve P-256 (FIPS 186-5): a private key is a number from 1 to below it.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def new_private_key() -> str:
    """Return a new private key: 32 bytes in URL-safe base64 without padding."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return to_base64url(number.to_bytes(32, "big"))


def read_private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """Return the key of such a text; raises ValueError for anything else."""
    number = int.from_bytes(from_base64url(text, length=32), "big")
    if not 0 < number < _ORDER:
        raise ValueError("no private key of the curve P-256")
    return ec.derive_private_key(number, ec.SECP256R1())


def public_key_of(private_key: str) -> str:
    """Return what a browser is given to subscribe with: the uncompressed point, base64url."""
    point = read_private_key(private_key).public_key()
    return to_base64url(point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))


def authorization(endpoint: str, *, private_key: str, subject: str, now: datetime) -> str:
    """Return the Authorization header for a message to `endpoint` (RFC 8292 section 3)."""
    parts = urlsplit(endpoint)
    pem = read_private_key(private_key).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((now + GOOD_FOR).timestamp()),
        "sub": subject,
    }
    token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, ECKey.import_key(pem))
    return f"vapid t={token}, k={public_key_of(private_key)}"


def to_base64url(data: bytes) -> str:
    """Return bytes in URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str, *, length: int) -> bytes:
    """Return `length` bytes from URL-safe base64, padded or not; raises ValueError."""
    try:
        plain = text.rstrip("=")
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not URL-safe base64") from None
    if len(data) != length:
        raise ValueError(f"{length} bytes are needed, not {len(data)}")
    return data
