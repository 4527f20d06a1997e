"""The clock: sweeps, seals the log, tells reporters, tidies up, and what a night has to do.

A plain loop, since nothing it does may be lost with the queue. Several clocks on
several machines are harmless.
"""

import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType

import structlog
from sqlalchemy import delete

from intake.form import remove_stale_files
from intake.identity.codes import sweep_codes
from intake.identity.stations import sweep_visits
from intake.subscriptions import sweep_subscriptions
from intake.uploads.expiry import sweep_uploads, tidy_uploads
from intake.uploads.staging import Staging
from schemas import audit
from schemas.database import now_utc
from schemas.tables import IdempotencyKey
from workers.bulletin_mail import send_bulletins
from workers.bulletins import COUNTED_EVERY_S, count_bulletins
from workers.deliver import deliver, forget_old
from workers.machine import Machine, machine_of_environment
from workers.nightly import run_retention, verify_chain
from workers.notify import tell
from workers.points import keep_points
from workers.seen.packing import pack
from workers.squares import EVERY_S, count_squares
from workers.sweep import sweep

log = structlog.get_logger()

# A phone may lie switched off for weeks and then repeat what it never saw answered.
KEYS_KEPT = timedelta(days=90)
# Whoever stops the clock waits so long for what runs aside.
ASIDE_ENDS_WITHIN_S = 5.0


@dataclass
class Task:
    """Something done again every `every_s` seconds; the first time at once.

    What may take minutes is done `aside`, in a thread, so that no tip waits for it; it
    is not begun again while it runs.
    """

    name: str
    every_s: float
    run: Callable[[Machine], object]
    aside: bool = False
    due_at: float = field(default=float("-inf"))
    thread: threading.Thread | None = None


def tasks() -> list[Task]:
    """Return what the clock does, and how often."""
    return [
        # A tip whose worker was killed twice must still be routed within two minutes.
        Task("sweep", 15.0, sweep),
        Task("seal", 3.0, seal),
        Task("uploads", 60.0, expire_uploads),
        Task("tell", 3.0, tell),
        Task("points", 60.0, keep_points),
        Task("pack_hashes", 30.0, pack_hashes, aside=True),
        Task("tidy", 3600.0, tidy),
        # Longer with every open case of the country: no tip waits for it.
        Task("count_squares", EVERY_S, count_squares, aside=True),
        # Other people's servers may be slow; nothing of ours waits for them.
        Task("deliver", 2.0, deliver, aside=True),
        Task("send_bulletins", 60.0, send_bulletins, aside=True),
        Task("bulletins", COUNTED_EVERY_S, count_bulletins, aside=True),
        # These ask the database whether the night's work is done already.
        Task("verify_chain", 600.0, verify_chain, aside=True),
        Task("run_retention", 600.0, run_retention, aside=True),
    ]


def seal(machine: Machine) -> None:
    """Append the committed entries of the audit log to its chain."""
    with machine.database.writing() as session:
        audit.seal(session)


def pack_hashes(machine: Machine) -> None:
    """Pack the hashes that came in, so that searches need not read them row by row."""
    pack(machine.database)


def expire_uploads(machine: Machine) -> None:
    """Remove the bytes of uploads that nobody goes on with, or that a report has."""
    sweep_uploads(machine.database, _staging(machine), now=now_utc())


def _staging(machine: Machine) -> Staging:
    return Staging(machine.settings.effective_upload_dir)


def tidy(machine: Machine) -> None:
    """Remove what killed processes left behind, and answers nobody will ask for again."""
    for name in ("incoming", "scratch"):
        remove_stale_files(machine.settings.data_dir / name)
    tidy_uploads(machine.database, _staging(machine), now=now_utc(), used_kept=KEYS_KEPT)
    with machine.database.writing() as session:
        session.execute(
            delete(IdempotencyKey).where(IdempotencyKey.created_at < now_utc() - KEYS_KEPT)
        )
        sweep_codes(session, now=now_utc())
        sweep_visits(session, now=now_utc())
        sweep_subscriptions(session, now=now_utc())
    forget_old(machine, now=now_utc())


def run_due(machine: Machine, planned: list[Task], *, now_s: float) -> float:
    """Run every task that is due at `now_s` (monotonic) and return when the next one is.

    A task that fails is logged and comes again in its turn; it stops no other one.
    """
    for task in planned:
        if task.due_at <= now_s:
            task.due_at = now_s + task.every_s
            if not task.aside:
                _run(task, machine)
            elif task.thread is None or not task.thread.is_alive():
                # A daemon: what is broken off here is whole in the database, and done again.
                task.thread = threading.Thread(target=_run, args=(task, machine), daemon=True)
                task.thread.start()
    return min(task.due_at for task in planned)


def _run(task: Task, machine: Machine) -> None:
    try:
        task.run(machine)
    except Exception:
        log.exception("task_failed", task=task.name)


def main() -> None:
    """Run the clock until SIGTERM or SIGINT; a task under way is finished first."""
    machine = machine_of_environment("clock")
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    planned = tasks()
    log.info("clock_started")
    while not stop.is_set():
        next_s = run_due(machine, planned, now_s=time.monotonic())
        stop.wait(max(0.0, next_s - time.monotonic()))
    for task in planned:
        if task.thread:
            task.thread.join(timeout=ASIDE_ENDS_WITHIN_S)
    machine.database.close()
    log.info("clock_stopped")


if __name__ == "__main__":
    main()
