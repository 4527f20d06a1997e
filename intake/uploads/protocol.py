"""The headers of tus 1.0.0, read strictly and written; and its way around blocked methods.

Source: tus resumable upload protocol 1.0.0, core and the extensions named here.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from werkzeug.http import http_date

from intake.gate.inspecting import MAX_BYTES
from intake.uploads import refusals
from schemas.words import Words

if TYPE_CHECKING:  # these exist for the checker only
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

VERSION = "1.0.0"
PATH = "/api/v1/uploads"
BYTES = "application/offset+octet-stream"
EXTENSIONS = (
    *("creation", "creation-with-upload", "creation-defer-length"),
    *("checksum", "expiration", "termination"),
)
# SHA-1 is asked for by the protocol; it finds damage, and guards against nobody.
ALGORITHMS: Mapping[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
}
OPTIONS = {
    "Tus-Version": VERSION,
    "Tus-Extension": ",".join(EXTENSIONS),
    "Tus-Max-Size": str(MAX_BYTES),
    "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
}
MAX_METADATA = 4096
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]+")
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True)
class Metadata:
    """What a phone says of a photo: the header as it came, and what of it means something.

    `content_type` is as the phone declares it; `sha256` (hex) was summed on the phone.
    """

    raw: str = ""
    content_type: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Checksum:
    """A sum over the bytes of one request."""

    algorithm: str
    digest: bytes
    _sum: Any = field(repr=False)

    def update(self, data: bytes) -> None:
        """Take the next bytes."""
        self._sum.update(data)

    def holds(self) -> bool:
        """Whether the bytes taken are those that were summed."""
        return hmac.compare_digest(self._sum.digest(), self.digest)


def read_number(name: str, text: str | None) -> int:
    """Return a header's number of bytes; raises InvalidInput `upload-header-invalid`."""
    if text is None or not _NUMBER.fullmatch(text.strip()):
        raise refusals.bad_header(
            name, Words("必须是不小于 0 的整数。", "must be a whole number, 0 or more.")
        )
    return int(text)


def read_length(length: str | None, deferred: str | None) -> int | None:
    """Return Upload-Length, or None where Upload-Defer-Length says that it is not known yet.

    Raises InvalidInput `upload-header-invalid`, TooLarge `upload-too-large`.
    """
    if deferred is not None:
        if deferred.strip() != "1":
            raise refusals.bad_header("Upload-Defer-Length", Words("只能是 1。", "can only be 1."))
        if length is not None:
            raise refusals.bad_header(
                "Upload-Defer-Length",
                Words("不能和 Upload-Length 同时给。", "can't stand beside Upload-Length."),
            )
        return None
    return checked_length(read_number("Upload-Length", length))


def checked_length(length_bytes: int) -> int:
    """Return the length of a whole upload; raises TooLarge `upload-too-large`."""
    if length_bytes > MAX_BYTES:
        raise refusals.too_long(MAX_BYTES)
    return length_bytes


def read_metadata(text: str | None) -> Metadata:
    """Return Upload-Metadata checked; raises InvalidInput `upload-header-invalid`."""
    raw = (text or "").strip()
    if not raw:
        return Metadata()
    values: dict[str, bytes] = {}
    if len(raw) > MAX_METADATA:
        raise _bad_metadata()
    for pair in raw.split(","):
        key, _, encoded = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in values:
            raise _bad_metadata()
        try:
            values[key] = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise _bad_metadata() from None
    return Metadata(raw, _text(values, "filetype"), _sum_of_phone(values))


def _text(values: Mapping[str, bytes], key: str) -> str | None:
    return values.get(key, b"").decode("ascii", "replace") or None


def _sum_of_phone(values: Mapping[str, bytes]) -> str | None:
    text = _text(values, "sha256")
    if text is not None and not _SHA256.fullmatch(text.lower()):
        raise refusals.bad_header(
            "Upload-Metadata",
            Words("sha256 必须是 64 位十六进制。", "sha256 must be 64 hexadecimal digits."),
        )
    return text.lower() if text else None


def _bad_metadata() -> Exception:
    return refusals.bad_header(
        "Upload-Metadata",
        Words(
            f"应为逗号分隔的“键 Base64值”，键不重复，总长不超过 {MAX_METADATA}。",
            "must be pairs «key base64» parted by commas, each key once, "
            f"{MAX_METADATA} characters in all.",
        ),
    )


def read_checksum(text: str | None) -> Checksum | None:
    """Return Upload-Checksum, or None where there is none.

    Raises InvalidInput `checksum-algorithm-unsupported` or `upload-header-invalid`.
    """
    if text is None:
        return None
    algorithm, _, encoded = text.strip().partition(" ")
    begin = ALGORITHMS.get(algorithm)
    if begin is None:
        raise refusals.algorithm_unsupported(OPTIONS["Tus-Checksum-Algorithm"])
    running = begin()
    try:
        digest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != running.digest_size:
        raise refusals.bad_header(
            "Upload-Checksum",
            Words("应为“算法 Base64校验值”。", "must be «algorithm base64-of-the-sum»."),
        )
    return Checksum(algorithm, digest, running)


def expires_header(moment: datetime) -> str:
    """Return Upload-Expires in the date form of RFC 9110 §5.6.7."""
    return http_date(moment)


class MethodOverride:
    """WSGI: X-HTTP-Method-Override is the method of an upload's request, whatever came.

    For networks and web views in which PATCH and DELETE don't get through. At no other
    address does the header mean anything.
    """

    def __init__(self, app: "WSGIApplication") -> None:
        self._app = app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer the request under the method that it is meant to have."""
        method = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE", "").strip().upper()
        path = environ.get("PATH_INFO", "")
        if method and (path == PATH or path.startswith(f"{PATH}/")):
            environ["suishoupai.method_sent"] = environ["REQUEST_METHOD"]
            environ["REQUEST_METHOD"] = method
        return self._app(environ, start_response)
