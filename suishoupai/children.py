"""One supervised process: started on a leash in a session of its own, and ended with it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

LEASH = Path(__file__).with_name("leash.py")
ROOT = Path(__file__).resolve().parent.parent
_LAST_WORDS_WITHIN_S = 0.5


@dataclass(frozen=True)
class Program:
    """What is to run: `stage` is its turn when everything stops, the lowest first.

    `stop_within_s` is how long it may take to finish what it is doing.
    """

    name: str
    command: tuple[str, ...]
    stage: int
    stop_within_s: float
    restart: bool = True
    log: Path | None = None


@dataclass
class Child:
    """A program's present process, with how often it died young."""

    program: Program
    run_dir: Path
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float | None = 0.0
    early_deaths: int = 0
    kill_at: float | None = field(default=None)

    @property
    def pid_file(self) -> Path:
        """Where the pid stands while the process runs."""
        return self.run_dir / f"{self.program.name}.pid"

    def start(
        self,
        *,
        environ: Mapping[str, str],
        keep_open: tuple[int, ...],
        on_line: Callable[[str, str], None],
        on_exit: Callable[["Child", int], None],
    ) -> None:
        """Start the process; its lines and its end are told from threads of their own."""
        process = subprocess.Popen(  # noqa: S603 - the Procfile's commands, without a shell
            [sys.executable, "-I", "-S", str(LEASH), str(os.getpid()), *self.program.command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environ),
            # Ctrl-C reaches the terminal's group: ours alone, so that we set the order.
            start_new_session=True,
            pass_fds=keep_open,
        )
        self.process, self.started_at, self.start_at = process, time.monotonic(), None
        self.pid_file.write_text(f"{process.pid}\n")
        reader = threading.Thread(target=self._read, args=(process, on_line), daemon=True)
        reader.start()
        threading.Thread(target=self._wait, args=(process, reader, on_exit), daemon=True).start()

    def _read(self, process: subprocess.Popen[bytes], on_line: Callable[[str, str], None]) -> None:
        if process.stdout is None:
            return
        with process.stdout as lines:
            for line in lines:
                on_line(self.program.name, line.decode("utf-8", "replace").rstrip("\n"))

    def _wait(
        self,
        process: subprocess.Popen[bytes],
        reader: threading.Thread,
        on_exit: Callable[["Child", int], None],
    ) -> None:
        code = process.wait()
        # Its last words come before its end; what it started may hold the line open for longer.
        reader.join(_LAST_WORDS_WITHIN_S)
        on_exit(self, code)

    def ended(self) -> None:
        """Note the end of the process, and end what it left behind."""
        if self.process is None:
            return
        kill_session(self.process.pid)
        self.process, self.kill_at = None, None
        self.pid_file.unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process itself; it passes the word on to its own children."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        if self.process is not None:
            kill_session(self.process.pid)


def kill_session(leader: int) -> None:
    """Send SIGKILL to every process of the session that `leader` began.

    A session, not a process group: a worker's job runs in a group of its own, and
    must not go on beside the worker that takes the dead one's place.
    """
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(pid) == leader:
                os.kill(pid, signal.SIGKILL)
