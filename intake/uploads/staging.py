"""Where the bytes of unfinished uploads lie: one file each, in one directory of all doors.

Which bytes of a file count is for its row to say. A file is made when the first bytes
come, and its name is durable before they are.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import UUID

from intake.photos import new_file_in, on_disk, sync_directory
from intake.uploads import refusals

SUM_CHUNK_BYTES = 1024 * 1024
# A file this old that no row stands for belongs to nobody any more.
STRAY_AFTER_S = 3600


class StagedFile:
    """The file of one upload, open for one connection."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only one that writes this file. Held for one write, never for a network.

        The system lets go of it when the process dies (flock(2); on NFS since Linux 2.6.12
        by its own locks).
        """
        with on_disk():
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def write(self, data: bytes | bytearray, at_byte: int) -> None:
        """Put bytes at their place."""
        view = memoryview(data)
        with on_disk():
            while view:
                written = os.pwrite(self._descriptor, view, at_byte)
                view, at_byte = view[written:], at_byte + written

    def make_durable(self) -> None:
        """Return once the disk has what was written."""
        with on_disk():
            os.fdatasync(self._descriptor)

    def close_at(self, length_bytes: int) -> str:
        """Cut off what nobody acknowledged and return the SHA-256 (hex) of the rest."""
        with on_disk():
            if os.fstat(self._descriptor).st_size > length_bytes:
                os.ftruncate(self._descriptor, length_bytes)
                os.fsync(self._descriptor)
            total, at_byte = hashlib.sha256(), 0
            while data := os.pread(self._descriptor, SUM_CHUNK_BYTES, at_byte):
                total.update(data)
                at_byte += len(data)
        return total.hexdigest()


class Staging:
    """The directory of staged files."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, upload_id: UUID) -> Path:
        """Return where an upload's bytes lie; the name is nothing that anybody else knows."""
        return self.root / upload_id.hex

    @contextmanager
    def opened(self, upload_id: UUID, *, offset_bytes: int) -> Iterator[StagedFile]:
        """Lend an upload's file, which is made where no bytes are here yet.

        Raises NotFound `upload-lost` where there should be bytes and are none.
        """
        descriptor = self._open(upload_id, offset_bytes)
        try:
            if os.fstat(descriptor).st_size < offset_bytes:
                raise refusals.lost()
            yield StagedFile(descriptor)
        finally:
            os.close(descriptor)

    def holds(self, upload_id: UUID, offset_bytes: int) -> bool:
        """Whether the acknowledged bytes of an upload are here."""
        if offset_bytes == 0:
            return True
        with on_disk():
            self._make_root()
            try:
                return self.path_of(upload_id).stat().st_size >= offset_bytes
            except FileNotFoundError:
                return False

    def remove(self, upload_id: UUID) -> None:
        """Remove an upload's bytes, if any came."""
        with on_disk():
            self.path_of(upload_id).unlink(missing_ok=True)

    def check(self) -> None:
        """Write and remove a few bytes; raises Unavailable `store-away`."""
        with on_disk():
            self._make_root()
            with new_file_in(self.root) as probe:
                probe.write_bytes(b"probe")

    def strays(self) -> Iterator[UUID]:
        """Yield the uploads whose files are old enough to be nobody's."""
        if not self.root.is_dir():
            return
        oldest_s = time.time() - STRAY_AFTER_S
        for path in self.root.iterdir():
            with suppress(FileNotFoundError, ValueError):
                if path.stat().st_mtime < oldest_s:
                    yield UUID(hex=path.name)

    def _open(self, upload_id: UUID, offset_bytes: int) -> int:
        path = self.path_of(upload_id)
        with on_disk():
            self._make_root()
            try:
                return os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except PermissionError:
                # The store has it and nobody may write it any more (intake.photos): the report
                # that it came with was cut short, or another one is using it this moment.
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                if offset_bytes:
                    raise refusals.lost() from None
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                sync_directory(self.root)
            except OSError:
                os.close(descriptor)
                raise
            return descriptor

    def _make_root(self) -> None:
        if not self.root.is_dir():
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            sync_directory(self.root.parent)
