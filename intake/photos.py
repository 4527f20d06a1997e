"""The photo store: originals once and for ever, derivatives beside them; local disk or S3.

An original's address is the SHA-256 of its bytes, so the same picture is kept once,
and a put that is repeated after a crash is harmless. A derivative's address is the
photo's id and never a hash: a hash in a served address would let anybody who has a
picture ask whether it was reported.
"""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

import obstore
import structlog
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from schemas.errors import NotFound, Unavailable
from schemas.settings import Settings
from schemas.words import Words

if TYPE_CHECKING:  # this type exists for the checker only
    from obstore.store import S3Config

log = structlog.get_logger()
RETRY_AFTER_S = 10


class PhotoStore(Protocol):
    """Where photos lie. Every method raises Unavailable `store-away` while it is away or full."""

    def put_original(self, path: Path, sha256: str) -> None:
        """Keep the file at `path` (its SHA-256 in hex) durably; repeating it is harmless.

        The file is given away: its owner may unlink it and must not write to it.
        """

    def local_copy(self, sha256: str) -> AbstractContextManager[Path]:
        """Lend the original as a local file, to be read only.

        Raises NotFound `original-missing`.
        """

    def put_derivatives(self, photo_id: UUID, by_size: Mapping[int, bytes]) -> None:
        """Keep a photo's derivatives by their size in pixels, in place of earlier ones.

        Size 0 are its local features, which are no picture and never served.
        """

    def read_derivative(self, photo_id: UUID, size: int) -> bytes | None:
        """Return a derivative's bytes, or None where there is none."""

    def check(self) -> None:
        """Raise Unavailable unless the store takes and gives photos now."""


def make_store(settings: Settings) -> PhotoStore:
    """Return the store that the settings name: a directory or s3://bucket/prefix."""
    if settings.effective_photo_store.startswith("s3://"):
        return S3PhotoStore(settings)
    return LocalPhotoStore(Path(settings.effective_photo_store))


def store_away() -> Unavailable:
    """Return the error that a door answers with while photos can't be kept."""
    return Unavailable(
        "store-away",
        Words(
            "系统暂时存不了照片，您的内容没有丢：请稍后用同一个 Idempotency-Key 再发一次。",
            "Photos can't be kept for the moment. Nothing is lost: send the same request with "
            "the same Idempotency-Key again shortly.",
        ),
        retry_after_s=RETRY_AFTER_S,
    )


def _original_key(sha256: str) -> str:
    # Two levels of 256 keep every directory small up to tens of millions of photos.
    return f"originals/{sha256[:2]}/{sha256[2:4]}/{sha256}"


def _derivative_key(photo_id: UUID, size: int) -> str:
    # The last characters of an id of version 7 are random, the first are the time.
    what = f"{size}.jpg" if size else "features"
    return f"derivatives/{photo_id.hex[-2:]}/{photo_id.hex[-4:-2]}/{photo_id.hex}-{what}"


def _missing(sha256: str) -> NotFound:
    log.error("original_missing", sha256=sha256)
    return NotFound(
        "original-missing",
        Words("照片原件不在照片库里。", "The photo's original is not in the photo store."),
    )


def _damaged(sha256: str, *, expected_bytes: int, found_bytes: int) -> Unavailable:
    """Return the error for a kept original that is not as long as the same bytes must be.

    It is never overwritten: what happened to it is for a person to find out.
    """
    log.error(
        "original_damaged", sha256=sha256, expected_bytes=expected_bytes, found_bytes=found_bytes
    )
    return store_away()


@contextmanager
def on_disk() -> Iterator[None]:
    """Turn what a disk can refuse (full, read-only, gone) into one error."""
    try:
        yield
    except OSError as error:
        log.warning("store_away", reason=errno.errorcode.get(error.errno or 0, "unknown"))
        raise store_away() from error


class LocalPhotoStore:
    """Photos in a directory of this machine or of a network disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._durable: set[Path] = set()

    def put_original(self, path: Path, sha256: str) -> None:
        """Keep the file durably: bytes fsynced, then the name, then the name's directory."""
        target = self.root / _original_key(sha256)
        with on_disk():
            self._make_directory(target.parent)
            _sync_file(path)
            try:
                _link(path, target)
            except FileExistsError:
                kept, given = target.stat().st_size, path.stat().st_size
                if kept != given:
                    raise _damaged(sha256, expected_bytes=given, found_bytes=kept) from None
            # Also when the file was there before: whoever put it may have died in between.
            sync_directory(target.parent)

    @contextmanager
    def local_copy(self, sha256: str) -> Iterator[Path]:
        """Lend the stored file itself."""
        path = self.root / _original_key(sha256)
        if not path.is_file():
            raise _missing(sha256)
        yield path

    def put_derivatives(self, photo_id: UUID, by_size: Mapping[int, bytes]) -> None:
        """Write each derivative whole or not at all; all of them are durable in the end."""
        targets = [(self.root / _derivative_key(photo_id, size), by_size[size]) for size in by_size]
        with on_disk():
            for target, data in targets:
                self._make_directory(target.parent)
                with new_file_in(target.parent) as fresh:
                    with fresh.open("wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    fresh.replace(target)
            for directory in {target.parent for target, _ in targets}:
                sync_directory(directory)

    def read_derivative(self, photo_id: UUID, size: int) -> bytes | None:
        """Return the derivative's bytes, or None where there is none."""
        with on_disk():
            try:
                return (self.root / _derivative_key(photo_id, size)).read_bytes()
            except FileNotFoundError:
                return None

    def check(self) -> None:
        """Write and remove a few bytes."""
        with on_disk():
            self._make_directory(self.root)
            with new_file_in(self.root) as probe:
                probe.write_bytes(b"probe")

    def _make_directory(self, directory: Path) -> None:
        """Make a directory, and its name durable once per process, from the root down."""
        if directory in self._durable:
            return
        if directory == self.root:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        else:
            self._make_directory(directory.parent)
            directory.mkdir(exist_ok=True, mode=0o700)
        sync_directory(directory.parent)
        self._durable.add(directory)


def _link(path: Path, target: Path) -> None:
    """Give the file at `path` a second name that nothing can overwrite.

    Raises FileExistsError. A link fails where a rename would replace, which is what
    makes the store write-once.
    """
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:
        # Another disk, or one that knows no links for this file: copy it over first.
        with new_file_in(target.parent) as fresh:
            shutil.copyfile(path, fresh)
            _sync_file(fresh)
            os.link(fresh, target)
    target.chmod(0o400)


@contextmanager
def new_file_in(directory: Path) -> Iterator[Path]:
    """Lend a new file; whatever is left of it at the end is removed."""
    descriptor, name = tempfile.mkstemp(prefix=".", dir=directory)
    os.close(descriptor)
    fresh = Path(name)
    try:
        yield fresh
    finally:
        fresh.unlink(missing_ok=True)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _server() -> Iterator[None]:
    """Turn what an S3 server can refuse, or not answer, into one error."""
    try:
        yield
    except (BaseError, OSError) as error:
        # A missing bucket comes as FileNotFoundError. The text of the others may hold
        # addresses but no key.
        log.warning("store_away", reason=type(error).__name__)
        raise store_away() from error


class S3PhotoStore:
    """Photos in an S3 bucket; credentials come from the AWS_* environment variables.

    A process that forks may make it beforehand and must first use it in the child:
    the client's threads start with its first request and don't survive a fork.
    """

    def __init__(self, settings: Settings) -> None:
        bucket, _, prefix = settings.photo_store.removeprefix("s3://").partition("/")
        self._scratch = settings.data_dir / "scratch"
        config: S3Config = {
            "region": settings.s3_region,
            # The server compares the bytes with this sum before it keeps them.
            "checksum_algorithm": "SHA256",
        }
        if settings.s3_endpoint:
            config["endpoint"] = settings.s3_endpoint
        self._client = S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={
                "allow_http": settings.s3_endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=2),
                "timeout": timedelta(seconds=30),
            },
            # A rider waits for the answer: it is better to say «again shortly» soon.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=10)},
        )

    def put_original(self, path: Path, sha256: str) -> None:
        """Keep the file by a conditional put (`If-None-Match: *`), which never overwrites."""
        key = _original_key(sha256)
        data = path.read_bytes()
        with _server():
            try:
                obstore.put(self._client, key, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                found_bytes = obstore.head(self._client, key)["size"]
                if found_bytes != len(data):
                    raise _damaged(
                        sha256, expected_bytes=len(data), found_bytes=found_bytes
                    ) from None

    @contextmanager
    def local_copy(self, sha256: str) -> Iterator[Path]:
        """Fetch the original into a file that is removed afterwards."""
        with on_disk():
            self._scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
        with new_file_in(self._scratch) as path:
            with _server():
                try:
                    result = obstore.get(self._client, _original_key(sha256))
                except FileNotFoundError:
                    raise _missing(sha256) from None
                with path.open("wb") as file:
                    for chunk in result.stream(min_chunk_size=1024 * 1024):
                        file.write(chunk)
            yield path

    def put_derivatives(self, photo_id: UUID, by_size: Mapping[int, bytes]) -> None:
        """Keep the derivatives, in place of earlier ones."""
        with _server():
            for size, data in by_size.items():
                key = _derivative_key(photo_id, size)
                obstore.put(self._client, key, data, use_multipart=False)

    def read_derivative(self, photo_id: UUID, size: int) -> bytes | None:
        """Return the derivative's bytes, or None where there is none."""
        with _server(), suppress(FileNotFoundError):
            return bytes(obstore.get(self._client, _derivative_key(photo_id, size)).bytes())
        return None

    def check(self) -> None:
        """Ask the bucket for a listing, which fails without bucket or credentials."""
        with _server():
            # Nothing lies under this prefix: an object that is asked for would be
            # «not found» in a bucket that does not exist, too.
            list(obstore.list(self._client, prefix="probe"))
