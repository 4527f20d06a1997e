"""Settings are read from the environment, checked at start, and say what to set."""

import stat
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from schemas.errors import ConfigurationError
from schemas.settings import Settings, load_settings


def test_the_embedded_default_needs_nothing(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path)})
    assert (settings.intake_port, settings.review_port) == (8000, 8001)
    assert settings.effective_database_url == f"sqlite:///{tmp_path}/suishoupai.sqlite3"
    assert settings.effective_photo_store == str(tmp_path / "photos")
    assert settings.embedded_queue
    assert settings.demo


def test_secret_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    first = load_settings({"DATA_DIR": str(tmp_path)}).secret_keys
    assert load_settings({"DATA_DIR": str(tmp_path)}).secret_keys == first
    path = tmp_path / "secrets" / "keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(p.name for p in path.parent.iterdir()) == ["keys"]


def test_processes_that_start_at_once_agree_on_the_keys(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: list[tuple[str, ...]] = []

    def start() -> None:
        barrier.wait()
        found.append(load_settings({"DATA_DIR": str(tmp_path)}).secret_keys)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("INTAKE_PORT", "80000", "INTAKE_PORT"),
        ("REVIEW_PORT", "8000", "must differ"),
        ("DATABASE_URL", "mysql://x", "postgresql+psycopg://"),
        ("REDIS_URL", "localhost:6379", "redis://"),
        ("PHOTO_STORE", "gs://bucket", "s3://bucket/prefix"),
        ("SECRET_KEYS", "short", "Fernet.generate_key"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT"),
        ("WORKER_COUNT", "none", "WORKER_COUNT"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_set(
    name: str, value: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load_settings({"DATA_DIR": str(tmp_path), name: value})
    assert says in refusal.value.words.en
    assert says in refusal.value.words.zh


def test_an_outside_database_needs_its_keys_set(tmp_path: Path) -> None:
    environ = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql+psycopg://host/name"}
    with pytest.raises(ConfigurationError, match="secret-keys-missing"):
        load_settings(environ)
    keys = f"{Fernet.generate_key().decode()},{Fernet.generate_key().decode()}"
    assert len(load_settings(environ | {"SECRET_KEYS": keys}).secret_keys) == 2


def test_the_queue_that_never_started_says_what_to_run(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="suishoupai up"):
        _ = settings.effective_redis_url


def test_the_embedded_queue_is_found_by_its_port_and_password(tmp_path: Path) -> None:
    settings = load_settings({"DATA_DIR": str(tmp_path)})
    settings.queue_dir.mkdir()
    (settings.queue_dir / "port").write_text("7001\n")
    (settings.queue_dir / "password").write_text("a b/c\n")
    assert settings.effective_redis_url == "redis://:a%20b/c@127.0.0.1:7001/0"


def test_every_setting_has_a_description() -> None:
    assert [n for n, f in Settings.model_fields.items() if not f.description] == []


def test_the_readme_names_every_variable_with_its_meaning() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for name, field in Settings.model_fields.items():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name.upper()}` |"))
        assert str(field.description) in row
