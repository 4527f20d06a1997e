"""What `up` runs: the Procfile's processes and, where none is set, the queue server."""

import os
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

from honcho.environ import parse_procfile

from schemas.settings import Settings
from suishoupai.children import ROOT, Program
from suishoupai.embedded import prepare_queue_server

# When everything stops the doors close first, so that nothing new comes in; then the
# machine room finishes what it holds; the queue goes last, when nobody speaks to it.
_DOORS = ("intake", "review")
_STAGE_DOORS, _STAGE_MACHINES, _STAGE_QUEUE = 0, 1, 2
_STOP_WITHIN_S = {_STAGE_DOORS: 20.0, _STAGE_MACHINES: 60.0, _STAGE_QUEUE: 10.0}


def run_dir_of(settings: Settings) -> Path:
    """Return where pids and the metrics of running processes lie."""
    return settings.data_dir / "run"


def child_environ(
    settings: Settings, environ: Mapping[str, str], *, log_format: str
) -> dict[str, str]:
    """Return what every process of this run finds in its environment.

    They run in the caller's directory, so that a relative path in a setting means
    the same to all; our own code they find by PYTHONPATH. The metrics of the last
    run are removed.
    """
    metrics = run_dir_of(settings) / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir(parents=True, mode=0o700)
    known = [str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]
    return dict(environ) | {
        "DATA_DIR": str(settings.data_dir),
        "INTAKE_PORT": str(settings.intake_port),
        "REVIEW_PORT": str(settings.review_port),
        "LOG_FORMAT": log_format,
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "PYTHONPATH": os.pathsep.join(known),
        "PYTHONUNBUFFERED": "1",
    }


def programs_of(settings: Settings, environ: Mapping[str, str]) -> list[Program]:
    """Return everything to run; prepares the embedded queue server where it is used."""
    programs: list[Program] = []
    if settings.embedded_queue:
        programs.append(
            Program(
                "queue",
                tuple(prepare_queue_server(settings)),
                stage=_STAGE_QUEUE,
                stop_within_s=_STOP_WITHIN_S[_STAGE_QUEUE],
                log=settings.queue_dir / "server.log",
            )
        )
    for name, line in parse_procfile((ROOT / "Procfile").read_text()).processes.items():
        count = settings.worker_count if name == "worker" else 1
        stage = _STAGE_DOORS if name in _DOORS else _STAGE_MACHINES
        programs += [
            Program(
                f"{name}.{number}" if count > 1 else name,
                _command(line, environ),
                stage=stage,
                stop_within_s=_STOP_WITHIN_S[stage],
            )
            for number in range(1, count + 1)
        ]
    return programs


def own_command(name: str, *arguments: str) -> Program:
    """Return a command of ours that runs once beside the others."""
    return Program(
        name,
        (sys.executable, "-m", "suishoupai", *arguments),
        stage=_STAGE_DOORS,
        stop_within_s=_STOP_WITHIN_S[_STAGE_DOORS],
        restart=False,
    )


def _command(line: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Split a Procfile's line as a shell would, then fill in the variables.

    In this order, so that a value with a space stays one word. `python` is the one
    that runs us, whether or not its environment is activated.
    """
    words = [Template(word).substitute(environ) for word in shlex.split(line)]
    return (sys.executable, *words[1:]) if words[0] == "python" else tuple(words)
