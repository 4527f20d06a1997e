"""A multipart form (RFC 7578), read as it comes in: photos straight to files, texts in bounds.

Nothing is held in memory but one chunk, and nothing is written twice: the file that is
hashed here is the one that a store on the same disk makes durable and keeps.
"""

import codecs
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args, get_origin

from annotated_types import MaxLen
from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)
from pydantic import BaseModel

from intake import refusals
from intake.gate.inspecting import MAX_BYTES as MAX_PHOTO_BYTES
from intake.photos import on_disk
from schemas.errors import SuishoupaiError
from schemas.wire.reports import MAX_PHOTOS

MAX_PHOTOS_BYTES = 60 * refusals.MEBIBYTE
# Room for every text at its longest and for the lines between the parts.
MAX_BODY_BYTES = MAX_PHOTOS_BYTES + refusals.MEBIBYTE
MAX_PARTS = 100
# Larger chunks mean fewer turns at the interpreter lock, which four threads share.
CHUNK_BYTES = 1024 * 1024
PHOTOS = "photos"
# A number, a code or a date is never longer; what is too long for a text is refused alike.
SHORT_TEXT = 100
STALE_AFTER_S = 3600


@dataclass(frozen=True)
class FormRules:
    """Which fields a form has: the longest text of each in characters, and which may repeat."""

    max_chars: Mapping[str, int]
    repeatable: frozenset[str]


@dataclass(frozen=True)
class ReceivedPhoto:
    """A file that came in; it lives as long as the form does, unless a store keeps it."""

    path: Path
    sha256: str
    size_bytes: int
    declared: str | None


@dataclass
class ReceivedForm:
    """What came in: texts by field name, and the photos in the order sent."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    photos: list[ReceivedPhoto] = field(default_factory=list)


def rules_of(model: type[BaseModel]) -> FormRules:
    """Return the rules by which a form is read, from the model that will validate it."""
    max_chars, repeatable = {}, set()
    for name, info in model.model_fields.items():
        if name == PHOTOS:
            continue
        if get_origin(info.annotation) is list:
            repeatable.add(name)
            metadata = getattr(get_args(info.annotation)[0], "__metadata__", ())
        else:
            metadata = info.metadata
        lengths = [item.max_length for item in metadata if isinstance(item, MaxLen)]
        max_chars[name] = lengths[0] if lengths else SHORT_TEXT
    return FormRules(max_chars, frozenset(repeatable))


@contextmanager
def receive_form(
    read: Callable[[int], bytes],
    *,
    content_type: str,
    content_length: int | None,
    directory: Path,
    rules: FormRules,
) -> Iterator[ReceivedForm]:
    """Read a form's body and lend its texts and files; the files are removed at the end.

    Raises InvalidInput `content-type-unsupported`, `body-unreadable`, `body-incomplete`,
    `field-unknown`, `field-duplicate`, `text-invalid`, `text-too-long`; TooLarge
    `too-large`, `too-many-parts`, `photos-too-many`, `photo-too-large`,
    `photos-too-large-together`; Unavailable `store-away` when the disk is full.
    """
    if content_length is not None and content_length > MAX_BODY_BYTES:
        raise refusals.body_too_large(MAX_PHOTOS_BYTES)
    reader = _FormReader(directory, rules)
    try:
        _parse(read, boundary=_boundary(content_type), reader=reader)
        yield reader.form
    finally:
        reader.remove_files()


def remove_stale_files(directory: Path) -> int:
    """Remove what a killed server left behind and return how many files that were.

    Another process may be receiving now, so only files older than an hour go.
    """
    if not directory.is_dir():
        return 0
    oldest_s = time.time() - STALE_AFTER_S
    removed = 0
    for path in directory.iterdir():
        # Whoever received it may remove it at this very moment.
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest_s:
                path.unlink()
                removed += 1
    return removed


def _parse(read: Callable[[int], bytes], *, boundary: str, reader: "_FormReader") -> None:
    chunks = _bounded(read)
    try:
        parser = PushMultipartParser(boundary)
        for chunk in chunks:
            for event in parser.parse(chunk):
                reader.take(event)
    except MultipartError as error:
        _drain(chunks)
        raise refusals.unreadable() from error
    except SuishoupaiError:
        _drain(chunks)
        raise
    try:
        parser.close()
    except MultipartError as error:
        # Without a single part the boundary was wrong; else the line broke on the way.
        raise (refusals.incomplete() if reader.parts else refusals.unreadable()) from error


def _drain(chunks: Iterator[bytes]) -> None:
    """Take what is still coming: a browser that can't finish sending shows no answer at all."""
    with suppress(SuishoupaiError):
        for _ in chunks:
            pass


def _bounded(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """Give the body chunk by chunk, and no more than a form may have."""
    received_bytes = 0
    for chunk in _chunks(read):
        received_bytes += len(chunk)
        if received_bytes > MAX_BODY_BYTES:
            raise refusals.body_too_large(MAX_PHOTOS_BYTES)
        yield chunk


def _chunks(read: Callable[[int], bytes]) -> Iterator[bytes]:
    while True:
        try:
            chunk = read(CHUNK_BYTES)
        except Exception as error:  # every WSGI server has its own for a broken line
            raise refusals.incomplete() from error
        if not chunk:
            return
        yield chunk


def _boundary(content_type: str) -> str:
    kind, options = parse_options_header(content_type)
    if kind != "multipart/form-data":
        raise refusals.not_a_form()
    return str(options.get("boundary", ""))


class _FormReader:
    """Takes the parser's events one by one and refuses at the first that goes too far."""

    def __init__(self, directory: Path, rules: FormRules) -> None:
        self.form = ReceivedForm()
        self.parts = 0
        self._directory = directory
        self._rules = rules
        self._part: _TextPart | _PhotoPart | None = None
        self._paths: list[Path] = []
        self._photo_bytes = 0

    def take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        """Take a part's head, some of its bytes, or its end (None)."""
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._part is not None:
            self._part.write(event)
            if isinstance(self._part, _PhotoPart):
                self._photo_bytes += len(event)
                if self._photo_bytes > MAX_PHOTOS_BYTES:
                    raise refusals.photos_too_large(MAX_PHOTOS_BYTES)

    def remove_files(self) -> None:
        """Close and remove every file, whatever became of the form."""
        if isinstance(self._part, _PhotoPart):
            self._part.close()
        for path in self._paths:
            path.unlink(missing_ok=True)

    def _begin(self, segment: MultipartSegment) -> None:
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise refusals.too_many_parts(MAX_PARTS)
        name = segment.name or ""
        if name == PHOTOS:
            if len(self.form.photos) == MAX_PHOTOS:
                raise refusals.too_many_photos(MAX_PHOTOS)
            path = self._directory / secrets.token_hex(16)
            self._paths.append(path)
            self._part = _PhotoPart(segment, path)
            return
        limit = self._rules.max_chars.get(name)
        if limit is None:
            raise refusals.unknown_field(name)
        if name in self.form.texts and name not in self._rules.repeatable:
            raise refusals.duplicate_field(name)
        self._part = _TextPart(segment, name, limit)

    def _end(self) -> None:
        part, self._part = self._part, None
        if isinstance(part, _TextPart):
            self.form.texts.setdefault(part.name, []).append(part.text())
        elif part is not None:
            photo = part.finish()
            # A browser sends a nameless empty part where no file was chosen.
            if photo is not None:
                self.form.photos.append(photo)


class _TextPart:
    """One text field, bounded while it comes in."""

    def __init__(self, segment: MultipartSegment, name: str, limit: int) -> None:
        self.name = name
        self._limit = limit
        self._data = bytearray()
        self._charset = segment.charset

    def write(self, data: bytes | bytearray) -> None:
        """Take some bytes; four of them are the longest character that UTF-8 has."""
        self._data += data
        if len(self._data) > 4 * self._limit:
            raise refusals.text_too_long(self.name, self._limit)

    def text(self) -> str:
        """Return the text, line ends as LF, without a character that can't be stored."""
        try:
            if self._charset and codecs.lookup(self._charset).name not in ("utf-8", "ascii"):
                raise refusals.bad_text(self.name)
            text = self._data.decode()
        except (UnicodeDecodeError, LookupError):
            raise refusals.bad_text(self.name) from None
        if "\0" in text:
            raise refusals.bad_text(self.name)
        text = text.replace("\r\n", "\n")
        if len(text.strip()) > self._limit:
            raise refusals.text_too_long(self.name, self._limit)
        return text


class _PhotoPart:
    """One file, hashed on its way to the disk."""

    def __init__(self, segment: MultipartSegment, path: Path) -> None:
        self._path = path
        self._nameless = not segment.filename
        self._declared = segment.content_type
        self._sum = hashlib.sha256()
        self._size_bytes = 0
        with on_disk():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Unbuffered: the parser's chunks are large, and every copy costs.
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes | bytearray) -> None:
        """Take some bytes; one too many ends the whole form."""
        self._size_bytes += len(data)
        if self._size_bytes > MAX_PHOTO_BYTES:
            raise refusals.photo_too_large(MAX_PHOTO_BYTES)
        self._sum.update(data)
        view = memoryview(data)
        with on_disk():
            while view:
                view = view[os.write(self._descriptor, view) :]

    def finish(self) -> ReceivedPhoto | None:
        """Return the file; or None for a file field that was left empty."""
        self.close()
        if self._nameless and not self._size_bytes:
            return None
        return ReceivedPhoto(
            self._path, self._sum.hexdigest(), self._size_bytes, self._declared or None
        )

    def close(self) -> None:
        """Close the file, if it is open still."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
