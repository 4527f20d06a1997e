"""From the network to durable bytes: what comes is kept, however the line ends.

Nothing waits for a phone while it holds something: a lock is held for one write, a
turn until somebody else takes it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from intake.door import Door
from intake.gate import MAX_BYTES
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
# A phone that says nothing for so long has lost its signal; it will come back anew.
SILENCE_S = 30.0

Read = Callable[[int], bytes]


class Line:
    """A request's body as it comes; `broken` once it ended before it was whole."""

    def __init__(self, read: Read, settimeout: Callable[[float], None] | None) -> None:
        self._read = read
        self._settimeout = settimeout
        self.broken = False

    def pieces(self) -> Iterator[bytes]:
        """Yield what comes, in pieces as large as the line is fast, until it ends or breaks."""
        size = READ_BYTES[0]
        if self._settimeout:
            self._settimeout(SILENCE_S)
        while True:
            began_s = time.monotonic()
            try:
                data = self._read(size)
            except Exception as error:  # noqa: BLE001 - every server has its own for a broken line
                log.info("upload_line_broken", reason=type(error).__name__)
                self.broken = True
                yield from self._salvage()
                return
            if not data:
                return
            yield data
            took_s = time.monotonic() - began_s
            if took_s < QUICK_S:
                size = min(size * 2, READ_BYTES[1])
            elif took_s > SLOW_S:
                size = max(size // 2, READ_BYTES[0])

    def _salvage(self) -> Iterator[bytes]:
        """Yield what had come before the line broke and waits in the server's own buffer."""
        if self._settimeout is None:
            return
        try:
            self._settimeout(0.0)
            while data := self._read(SALVAGE_BYTES):
                yield data
        except Exception:  # noqa: BLE001 - as above: there is no more
            return


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
            with self._door.database.reading() as session:
                if not ledger.holds_turn(session, self._turn):
                    raise refusals.taken_over()
            self._file.write(data, self._written)
        self._written += len(data)

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
            if len(held) >= FLUSH_BYTES or time.monotonic() - held_since_s >= FLUSH_AFTER_S:
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
    if claims:
        writer.claim()
