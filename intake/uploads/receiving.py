"""From the network to durable bytes: what comes is kept, however the line ends.

Nothing waits for a phone while it holds something: a lock is held for one write, a
turn until somebody else takes it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from intake.door import Door
from intake.gate.inspecting import MAX_BYTES
from intake.silence import SILENCE_S, SetTimeout
from intake.uploads import ledger, refusals
from intake.uploads.ledger import Turn
from intake.uploads.protocol import Checksum
from intake.uploads.staging import StagedFile
from schemas.database import now_utc

log = structlog.get_logger()
# A killed server loses what it has not made durable: no more than this, nor older.
FLUSH_BYTES = 1024 * 1024
FLUSH_AFTER_S = 2.0
# One read waits until it has so much. On a fast line large reads cost less; on a slow
# one small reads lose less when the line breaks.
READ_BYTES = (4 * 1024, 256 * 1024)
QUICK_S, SLOW_S = 0.05, 0.5
# gunicorn's input asks its socket for at least so much.
SALVAGE_BYTES = 1024
# After a pause of so long what came is made durable, and the turn is looked at again.
PAUSE_S = 0.5

Read = Callable[[int], bytes]


class Line:
    """A request's body as it comes; `broken` once it ended before it was whole.

    `settimeout` is that of the server's socket, where there is one. A chunked body
    (`is_chunked`) can't be read on after a pause, so it has its whole silence at once.
    """

    def __init__(self, read: Read, settimeout: SetTimeout | None, *, is_chunked: bool) -> None:
        self._read = read
        self._settimeout = settimeout or (lambda _seconds: None)
        self._has_socket = settimeout is not None
        self._is_chunked = is_chunked
        self.broken = False

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes, in pieces as large as the line is fast; an empty one is a pause."""
        size, heard_s = READ_BYTES[0], time.monotonic()
        self._settimeout(SILENCE_S if self._is_chunked else PAUSE_S)
        while not self.broken:
            began_s = time.monotonic()
            try:
                data = self._read(size)
            except Exception as error:  # noqa: BLE001 - every server has its own for a broken line
                rest = b"".join(self._salvage())
                heard_s = time.monotonic() if rest else heard_s
                is_pause = isinstance(error, TimeoutError) and not self._is_chunked
                if not is_pause or time.monotonic() - heard_s >= SILENCE_S:
                    log.info("upload_line_broken", reason=type(error).__name__)
                    self.broken = True
                if rest:
                    yield rest
                if not self.broken:
                    yield b""
                size = READ_BYTES[0]
                continue
            if not data:
                return
            heard_s = time.monotonic()
            yield data
            size = _next_size(size, took_s=heard_s - began_s)

    def _salvage(self) -> Iterator[bytes]:
        """Yield what had come already and waits in the server's own buffer for more."""
        if not self._has_socket:
            return
        self._settimeout(0.0)
        # Whatever error says so: there is no more.
        with suppress(Exception):
            while data := self._read(SALVAGE_BYTES):
                yield data
        self._settimeout(SILENCE_S if self._is_chunked else PAUSE_S)


def _next_size(size: int, *, took_s: float) -> int:
    if took_s < QUICK_S:
        return min(size * 2, READ_BYTES[1])
    return max(size // 2, READ_BYTES[0]) if took_s > SLOW_S else size


@dataclass(frozen=True)
class Progress:
    """How many bytes of an upload are durable, and until when it may stand still."""

    offset_bytes: int
    expires_at: datetime


class _Writer:
    """Puts what one connection brings behind an upload's offset, while it has the turn."""

    def __init__(self, door: Door, file: StagedFile, turn: Turn) -> None:
        self._door = door
        self._file = file
        self._turn = turn
        self.progress = Progress(turn.offset_bytes, turn.expires_at)
        self._written = turn.offset_bytes

    @property
    def written_bytes(self) -> int:
        """Where the next byte goes."""
        return self._written

    def write(self, data: bytearray) -> None:
        """Put bytes into the file; they don't count yet. Raises Conflict `upload-taken-over`."""
        with self._file.locked():
            # Asked under the lock: whoever took the turn waits for it before its own first
            # byte, so nothing written here can end up over theirs.
            self.check_turn()
            self._file.write(data, self._written)
        self._written += len(data)

    def check_turn(self) -> None:
        """Raise Conflict `upload-taken-over` once another connection goes on with the upload."""
        with self._door.database.reading() as session:
            if not ledger.holds_turn(session, self._turn):
                raise refusals.taken_over()

    def claim(self) -> None:
        """Make what was written durable and count it. Raises Conflict `upload-taken-over`."""
        if self._written == self.progress.offset_bytes:
            return
        self._file.make_durable()
        expires_at = now_utc() + timedelta(hours=self._door.settings.upload_hours)
        if not self._door.commit(
            lambda session: ledger.advance(
                session,
                turn=self._turn,
                old_bytes=self.progress.offset_bytes,
                new_bytes=self._written,
                expires_at=expires_at,
            )
        ):
            raise refusals.taken_over()
        self.progress = Progress(self._written, expires_at)


def receive(door: Door, *, turn: Turn, line: Line, checksum: Checksum | None) -> Progress:
    """Take what a line brings for an upload and return how far it is, all of it durable.

    With a checksum the bytes count when all of them are here and right, or not at all.
    Raises InvalidInput `upload-cut` when the line broke (without a checksum, what came
    is kept), InvalidInput `checksum-mismatch`, TooLarge `upload-overflows`, Conflict
    `upload-taken-over`, NotFound `upload-lost`, Unavailable `store-away`.
    """
    limit = MAX_BYTES if turn.length_bytes is None else turn.length_bytes
    with door.staging.opened(turn.upload_id, offset_bytes=turn.offset_bytes) as file:
        writer = _Writer(door, file, turn)
        held, held_since_s = bytearray(), time.monotonic()
        for data in line.pieces():
            if writer.written_bytes + len(held) + len(data) > limit:
                raise refusals.overflows(limit)
            if checksum:
                checksum.update(data)
            held += data
            waited_s = time.monotonic() - held_since_s
            if not data or len(held) >= FLUSH_BYTES or waited_s >= FLUSH_AFTER_S:
                _flush(writer, held, claims=checksum is None)
                held, held_since_s = bytearray(), time.monotonic()
        if checksum and not line.broken and not checksum.holds():
            raise refusals.checksum_mismatch()
        if checksum and line.broken:
            raise refusals.cut()
        _flush(writer, held, claims=True)
    if line.broken:
        raise refusals.cut()
    return writer.progress


def _flush(writer: _Writer, held: bytearray, *, claims: bool) -> None:
    if held:
        writer.write(held)
    else:
        writer.check_turn()
    if claims:
        writer.claim()
