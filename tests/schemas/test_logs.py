"""Logs are structured, and what could be a person or a secret never stands in them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas.logs import FORBIDDEN_KEYS

ROOT = Path(__file__).parents[2]
# A process of its own, since logging is set up once for a whole process.
START = """
import logging, sys, structlog
from schemas.logs import configure_logs
from schemas.settings import load_settings
configure_logs(load_settings({"DATA_DIR": sys.argv[1], "LOG_FORMAT": "json"}), process="test")
log = structlog.get_logger()
"""


def lines_of(code: str, data_dir: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", START + code, str(data_dir)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_line_is_json_with_its_process_and_request(tmp_path: Path) -> None:
    [line] = lines_of(
        "structlog.contextvars.bind_contextvars(request_id='abc12345')\n"
        "log.info('accepted', photos=2)",
        tmp_path,
    )
    assert (line["event"], line["process"], line["request_id"]) == ("accepted", "test", "abc12345")
    assert line["photos"] == 2
    assert line["timestamp"].endswith("Z")


def test_a_key_that_could_hold_a_person_is_sealed(tmp_path: Path) -> None:
    calls = "\n".join(
        f"log.info('careless', **{{{key!r}: '王小明 13800138000'}})"
        for key in sorted(FORBIDDEN_KEYS)
    )
    lines = lines_of(calls, tmp_path)
    assert len(lines) == len(FORBIDDEN_KEYS)
    assert "13800138000" not in str(lines)
    assert all("[sealed]" in line.values() for line in lines)


def test_a_librarys_own_records_go_the_same_way(tmp_path: Path) -> None:
    [line] = lines_of("logging.getLogger('some.library').warning('it is %s', 'late')", tmp_path)
    assert (line["event"], line["level"]) == ("it is late", "warning")


@pytest.mark.parametrize("library", ["rq.worker", "httpx", "werkzeug"])
def test_a_library_that_prints_arguments_or_addresses_is_quiet(
    tmp_path: Path, library: str
) -> None:
    assert lines_of(f"logging.getLogger({library!r}).info('GET /?receipt_code=1')", tmp_path) == []
