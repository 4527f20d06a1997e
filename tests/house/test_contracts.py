"""What the rooms promise one another, checked where no single room can."""

import importlib
import inspect
from pathlib import Path

import pytest

from schemas.jobs import JOBS, JobSpec

ROOT = Path(__file__).parents[2]
ROOMS = ("schemas", "intake", "workers", "review_ui", "suishoupai")


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.function)
def test_every_job_name_resolves_and_takes_its_payload(job: JobSpec) -> None:
    module, _, name = job.function.rpartition(".")
    function = getattr(importlib.import_module(module), name)
    assert tuple(inspect.signature(function).parameters) == job.arguments


def test_every_file_of_the_rooms_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if "versions" not in path.parts and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_no_room_reads_the_environment_behind_the_settings_back() -> None:
    """The metrics ask for the one variable that prometheus-client itself reads at import.

    The top floor hands an environment on and takes a command's language from it.
    """
    readers = [
        str(path.relative_to(ROOT))
        for room in ROOMS[:-1]
        for path in (ROOT / room).rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    ]
    assert sorted(readers) == ["intake/metrics.py", "schemas/settings.py"]
