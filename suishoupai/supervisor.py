"""Keep several processes running, and stop them in order.

honcho's Manager was looked at first: it ends everything when one process ends,
stops all at once, and starts each through a shell and a Python process more. Its
Procfile parser and its printer are used.
"""

import queue
import signal
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from schemas.words import Words
from suishoupai.children import Child, Program
from suishoupai.output import Output

# A process that lived this long was well: the next one is started at once.
_WELL_AFTER_S = 1.0
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
_EARLY_DEATHS_TO_REPORT = 3
# make, timeout and terminals may hand one wish on by two ways: that is not a second wish.
_SAME_WISH_WITHIN_S = 1.0


@dataclass(frozen=True)
class _Exited:
    child: Child
    code: int


@dataclass(frozen=True)
class _Asked:
    """Somebody asked us to stop, at a moment of time.monotonic()."""

    at: float


@dataclass(frozen=True)
class _Extra:
    program: Program


class Supervisor:
    """Runs programs until it is asked to stop by SIGINT, SIGTERM or SIGHUP."""

    def __init__(
        self,
        programs: Iterable[Program],
        *,
        environ: Mapping[str, str],
        run_dir: Path,
        output: Output,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self._children = [Child(program, run_dir) for program in programs]
        self._environ = environ
        self._run_dir = run_dir
        self._output = output
        self._keep_open = keep_open
        self._events: queue.SimpleQueue[_Exited | _Asked | _Extra] = queue.SimpleQueue()
        self._stopping = False
        self._asked_at = 0.0
        for child in self._children:
            output.introduce(child.program.name)

    def add(self, program: Program) -> None:
        """Start one program more; may be called from another thread."""
        self._events.put(_Extra(program))

    def run(self) -> None:
        """Start everything and return when everything has stopped."""
        before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        }
        try:
            self._loop()
        except BaseException:
            # Nothing of ours may stay behind, whatever went wrong here.
            self._kill_all()
            raise
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _loop(self) -> None:
        while not (self._stopping and not self._running()):
            self._start_due()
            try:
                event = self._events.get(timeout=self._patience_s())
            except queue.Empty:
                event = None
            match event:
                case _Exited(child, code):
                    self._on_exit(child, code)
                case _Asked(at):
                    self._on_asked(at)
                case _Extra(program):
                    self._output.introduce(program.name)
                    self._children.append(Child(program, self._run_dir))
            if self._stopping:
                self._stop_next()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # SimpleQueue.put may be called while a put or get is under way.
        self._events.put(_Asked(time.monotonic()))

    def _running(self) -> list[Child]:
        return [child for child in self._children if child.process is not None]

    def _start_due(self) -> None:
        if self._stopping:
            return
        now = time.monotonic()
        for child in self._children:
            if child.start_at is not None and child.start_at <= now:
                child.start(
                    environ=self._environ,
                    keep_open=self._keep_open,
                    on_line=self._output.line,
                    on_exit=lambda gone, code: self._events.put(_Exited(gone, code)),
                )

    def _patience_s(self) -> float | None:
        """Return how long nothing needs doing unless something happens; None is for ever."""
        moments: list[float] = []
        for child in self._children:
            if child.kill_at is not None:
                moments.append(child.kill_at)
            elif child.start_at is not None and not self._stopping:
                moments.append(child.start_at)
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _on_exit(self, child: Child, code: int) -> None:
        lived_s = time.monotonic() - child.started_at
        child.ended()
        name = child.program.name
        if self._stopping or not child.program.restart:
            return
        self._output.say(
            Words(
                f"{name} 停了（{_reason(code)}），正在重新启动。",
                f"{name} ended ({_reason(code)}) and is being started again.",
            ),
            event="process_ended",
            name_of_process=name,
            code=code,
        )
        child.early_deaths = 0 if lived_s >= _WELL_AFTER_S else child.early_deaths + 1
        child.start_at = time.monotonic() + _pause_s(child.early_deaths)
        if child.early_deaths == _EARLY_DEATHS_TO_REPORT:
            self._report_early_deaths(child)

    def _report_early_deaths(self, child: Child) -> None:
        name, log = child.program.name, child.program.log
        where_zh = f"日志 {log}" if log else f"上面以 {name} 开头的行"
        where_en = f"the log {log}" if log else f"the lines of {name} above"
        self._output.say(
            Words(
                f"{name} 连续 {_EARLY_DEATHS_TO_REPORT} 次一启动就停了：原因请看{where_zh}。"
                "会继续重试，间隔逐渐加长。",
                f"{name} ended {_EARLY_DEATHS_TO_REPORT} times within a second of its start: "
                f"see {where_en} for the reason. It will be tried again, less and less often.",
            ),
            event="process_keeps_ending",
            name_of_process=name,
            log=str(log or ""),
        )

    def _on_asked(self, at: float) -> None:
        if self._stopping:
            if at - self._asked_at < _SAME_WISH_WITHIN_S:
                return
            self._output.say(Words("立即结束。", "Ending everything at once."), event="stop_forced")
            self._kill_all()
            return
        self._stopping, self._asked_at = True, at
        self._output.say(
            Words(
                "正在停止……（再按一次 Ctrl-C 立即结束）",
                "Stopping… (Ctrl-C again ends everything at once)",
            ),
            event="stopping",
        )

    def _stop_next(self) -> None:
        """Ask the earliest stage that still runs to stop; kill what takes too long."""
        running = self._running()
        if not running:
            return
        stage = min(child.program.stage for child in running)
        now = time.monotonic()
        for child in running:
            if child.program.stage != stage:
                continue
            if child.kill_at is None:
                child.kill_at = now + child.program.stop_within_s
                child.ask_to_stop()
            elif child.kill_at <= now:
                name = child.program.name
                self._output.say(
                    Words(
                        f"{name} 没有按时停下，已强制结束。",
                        f"{name} did not stop in time and was killed.",
                    ),
                    event="process_killed",
                    name_of_process=name,
                )
                child.kill()
                child.kill_at = now + child.program.stop_within_s

    def _kill_all(self) -> None:
        for child in self._running():
            child.kill()


def _pause_s(early_deaths: int) -> float:
    if early_deaths == 0:
        return 0.0
    return float(min(_FIRST_PAUSE_S * 2 ** (early_deaths - 1), _LONGEST_PAUSE_S))


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
