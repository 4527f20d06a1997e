import errno
import os
import resource
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import obstore
import pytest
from flask.testing import FlaskClient
from obstore.store import S3Store
from werkzeug.test import TestResponse

from intake.app import create_app
from intake.photos import LocalPhotoStore, PhotoStore, S3PhotoStore, make_store
from schemas.errors import NotFound, Unavailable
from schemas.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
BUCKET = "tips"


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real S3 server, from an environment of its own."""
    python = ROOT / ".venv-s3/bin/python"
    if not python.exists():
        reason = "the S3 server is not installed: run `make setup-tests`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("s3")
    log = (directory / "log").open("wb")
    server = subprocess.Popen(
        [str(python), "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory)},
        stdout=log,
        stderr=log,
    )
    log.close()
    yield _address(server, directory / "log")
    server.terminate()
    server.wait()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        for word in log.read_text().split():
            if word.startswith("http://127.0.0.1:"):
                try:
                    httpx.get(word, timeout=5)
                except httpx.TransportError:
                    continue
                return word
    raise AssertionError(log.read_text())


@pytest.fixture
def s3_settings(s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a store in a new bucket's prefix."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    httpx.put(f"{s3_endpoint}/{BUCKET}").raise_for_status()
    return load_settings(
        {},
        data_dir=tmp_path,
        secret_keys=KEY,
        photo_store=f"s3://{BUCKET}/{uuid.uuid4().hex}",
        s3_endpoint=s3_endpoint,
    )


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PhotoStore:
    """A store of each kind."""
    if request.param == "s3":
        return make_store(request.getfixturevalue("s3_settings"))
    return make_store(load_settings({}, data_dir=tmp_path, secret_keys=KEY))


@pytest.fixture
def incoming(tmp_path: Path, sha256: Callable[[bytes], str]) -> Callable[[bytes], tuple[Path, str]]:
    """Make a file that came in, and its sum."""

    def make(data: bytes) -> tuple[Path, str]:
        path = tmp_path / uuid.uuid4().hex
        path.write_bytes(data)
        return path, sha256(data)

    return make


Incoming = Callable[[bytes], tuple[Path, str]]


def test_an_original_is_kept_and_lent(store: PhotoStore, incoming: Incoming) -> None:
    path, digest = incoming(b"picture" * 1000)
    store.put_original(path, digest)
    path.unlink()
    with store.local_copy(digest) as copy:
        assert copy.read_bytes() == b"picture" * 1000


def test_a_second_put_of_the_same_bytes_is_harmless(store: PhotoStore, incoming: Incoming) -> None:
    for _ in range(3):
        path, digest = incoming(b"picture")
        store.put_original(path, digest)
        path.unlink()
    with store.local_copy(digest) as copy:
        assert copy.read_bytes() == b"picture"


def test_an_original_is_never_overwritten(store: PhotoStore, incoming: Incoming) -> None:
    path, digest = incoming(b"picture")
    store.put_original(path, digest)
    other, _ = incoming(b"something else")
    with pytest.raises(Unavailable) as refused:
        store.put_original(other, digest)
    assert refused.value.code == "store-away"
    with store.local_copy(digest) as copy:
        assert copy.read_bytes() == b"picture"


def test_the_same_original_put_at_once_is_kept_once(store: PhotoStore, incoming: Incoming) -> None:
    files = [incoming(b"picture" * 500) for _ in range(8)]
    together, errors = threading.Barrier(8), []

    def put(path: Path, digest: str) -> None:
        together.wait()
        try:
            store.put_original(path, digest)
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=put, args=file) for file in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with store.local_copy(files[0][1]) as copy:
        assert copy.read_bytes() == b"picture" * 500


def test_an_original_that_is_not_there_is_named_missing(store: PhotoStore) -> None:
    with pytest.raises(NotFound) as refused, store.local_copy("ab" * 32):
        pytest.fail("lent what is not there")
    assert refused.value.code == "original-missing"


def test_a_derivative_is_kept_by_photo_and_size_and_may_be_made_again(
    store: PhotoStore,
) -> None:
    photo = uuid.uuid4()
    assert store.read_derivative(photo, 320) is None
    store.put_derivatives(photo, {320: b"small"})
    store.put_derivatives(photo, {1280: b"large"})
    store.put_derivatives(photo, {320: b"small again"})
    assert store.read_derivative(photo, 320) == b"small again"
    assert store.read_derivative(photo, 1280) == b"large"
    assert store.read_derivative(uuid.uuid4(), 320) is None


def test_a_store_that_works_says_so_and_leaves_no_trace(store: PhotoStore, tmp_path: Path) -> None:
    store.check()
    store.check()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_local_original_lies_under_its_sum_and_is_read_only(
    tmp_path: Path, incoming: Incoming
) -> None:
    path, digest = incoming(b"picture")
    LocalPhotoStore(tmp_path / "photos").put_original(path, digest)
    kept = tmp_path / "photos/originals" / digest[:2] / digest[2:4] / digest
    assert kept.stat().st_mode & 0o777 == 0o400


def test_an_original_from_another_disk_is_copied(
    tmp_path: Path, incoming: Incoming, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, digest = incoming(b"picture")
    link = os.link

    def across(source: Path, target: Path) -> None:
        if Path(source) == path:
            raise OSError(errno.EXDEV, "another disk")
        link(source, target)

    monkeypatch.setattr(os, "link", across)
    store = LocalPhotoStore(tmp_path / "photos")
    store.put_original(path, digest)
    with store.local_copy(digest) as copy:
        assert copy.read_bytes() == b"picture"
        assert copy.stat().st_nlink == 1
    assert [item.name for item in copy.parent.iterdir()] == [digest]


def test_a_disk_that_takes_nothing_is_a_store_that_is_away(
    tmp_path: Path, incoming: Incoming
) -> None:
    (tmp_path / "photos").write_bytes(b"a file where the directory should be")
    store = LocalPhotoStore(tmp_path / "photos")
    path, digest = incoming(b"picture")
    for work in (
        store.check,
        lambda: store.put_original(path, digest),
        lambda: store.put_derivatives(uuid.uuid4(), {320: b"x"}),
    ):
        with pytest.raises(Unavailable) as refused:
            work()
        assert refused.value.code == "store-away"
        assert refused.value.facts["retry_after_s"]


def test_a_disk_that_takes_no_more_bytes_is_a_store_that_is_away_and_keeps_no_half_file(
    tmp_path: Path,
) -> None:
    store = LocalPhotoStore(tmp_path / "photos")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(Unavailable):
            store.put_derivatives(uuid.uuid4(), {320: b"x" * 2_000_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "change",
    [{"s3_endpoint": "http://127.0.0.1:9"}, {"photo_store": "s3://no-such-bucket/x"}],
    ids=["server away", "no bucket"],
)
def test_an_s3_server_that_does_not_answer_is_a_store_that_is_away(
    s3_settings: Settings, incoming: Incoming, change: dict[str, str]
) -> None:
    store = S3PhotoStore(s3_settings.model_copy(update=change))
    path, digest = incoming(b"picture")
    for work in (store.check, lambda: store.put_original(path, digest)):
        with pytest.raises(Unavailable) as refused:
            work()
        assert refused.value.code == "store-away"


def test_an_s3_original_is_fetched_into_a_file_that_goes_away_again(
    s3_settings: Settings, incoming: Incoming
) -> None:
    store = S3PhotoStore(s3_settings)
    path, digest = incoming(b"picture")
    store.put_original(path, digest)
    with store.local_copy(digest) as copy:
        assert copy.is_relative_to(s3_settings.data_dir)
    assert not copy.exists()


def test_an_s3_store_keeps_everything_under_its_prefix(
    s3_settings: Settings, s3_endpoint: str, incoming: Incoming
) -> None:
    store = make_store(s3_settings)
    path, digest = incoming(b"picture")
    store.put_original(path, digest)
    bucket = S3Store(
        BUCKET, endpoint=s3_endpoint, region="us-east-1", client_options={"allow_http": True}
    )
    prefix = s3_settings.photo_store.removeprefix(f"s3://{BUCKET}/")
    (found,) = [item["path"] for item in obstore.list(bucket, prefix=prefix).collect()]
    assert found == f"{prefix}/originals/{digest[:2]}/{digest[2:4]}/{digest}"


FORKING = """
import os, sys
from pathlib import Path
from intake.photos import make_store
from schemas.settings import load_settings
store = make_store(load_settings())
child = os.fork()
if child == 0:
    store.put_original(Path(sys.argv[1]), sys.argv[2])
    with store.local_copy(sys.argv[2]) as copy:
        os._exit(0 if copy.read_bytes() == b"picture" else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_store_made_before_a_fork_works_in_the_child(
    s3_settings: Settings, incoming: Incoming
) -> None:
    path, digest = incoming(b"picture")
    names = ("data_dir", "photo_store", "s3_endpoint")
    subprocess.run(
        [sys.executable, "-c", FORKING, str(path), digest],
        cwd=ROOT,
        env=os.environ
        | {"SECRET_KEYS": KEY}
        | {name.upper(): str(getattr(s3_settings, name)) for name in names},
        timeout=60,
        check=True,
    )


@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_tip_sent_to_the_door_lies_in_s3_before_it_is_answered(
    s3_settings: Settings,
    door_settings: Settings,
    client: FlaskClient,
    send: Callable[..., TestResponse],
    jpeg: Callable[..., bytes],
    sha256: Callable[[bytes], str],
) -> None:
    elsewhere = {name: getattr(s3_settings, name) for name in ("photo_store", "s3_endpoint")}
    app = create_app(door_settings.model_copy(update=elsewhere))
    client.application = app
    assert send(files=[jpeg(5)]).status_code == 201
    with make_store(s3_settings).local_copy(sha256(jpeg(5))) as copy:
        assert copy.read_bytes() == jpeg(5)
    assert not (door_settings.data_dir / "photos").exists()
    app.extensions["door"].database.close()
