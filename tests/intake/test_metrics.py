import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import TestResponse

Sender = Callable[..., TestResponse]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


def samples(client: FlaskClient) -> dict[str, float]:
    text = client.get("/metrics").text
    return {
        sample.name + "".join(f" {k}={v}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_tips_refusals_times_and_backlog_are_counted(send: Sender, client: FlaskClient) -> None:
    send()
    send(category="RATS")
    send(category="RATS")
    seen = samples(client)
    assert seen["suishoupai_tips_accepted_total"] == 1
    assert seen["suishoupai_refused_total reason=category-unknown"] == 2
    assert (
        seen["suishoupai_request_seconds_count method=POST route=/api/v1/reports status=422"] == 2
    )
    assert seen["suishoupai_queue_depth"] == 1
    assert seen["suishoupai_reports_unfinished"] == 1
    assert seen["suishoupai_oldest_unfinished_seconds"] >= 0


def test_a_repeat_is_not_counted_as_a_tip(send: Sender, client: FlaskClient) -> None:
    key = "0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d"
    send(key=key)
    send(key=key)
    assert samples(client)["suishoupai_tips_accepted_total"] == 1


def test_addresses_of_single_reports_are_no_labels(send: Sender, client: FlaskClient) -> None:
    number = send().get_json()["number"]
    client.get(f"/api/v1/reports/{number}")
    assert number not in client.get("/metrics").text


def test_the_metrics_are_for_the_operator(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 200
    elsewhere = {"REMOTE_ADDR": "203.0.113.5"}
    assert client.get("/metrics", environ_overrides=elsewhere).status_code == 404
    through = client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert through.status_code == 404


TWO_PROCESSES = """
import os, sys
from intake.door import open_door
from schemas.settings import load_settings
child = os.fork()
metrics = open_door(load_settings({"DATA_DIR": sys.argv[1]})).metrics
metrics.accepted.inc(2)
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
values = {s.name: s.value for f in metrics.registry().collect() for s in f.samples}
sys.exit(0 if values["suishoupai_tips_accepted_total"] == 4 else 1)
"""


def test_several_processes_are_summed(tmp_path: Path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    subprocess.run(
        [sys.executable, "-c", TWO_PROCESSES, str(tmp_path)],
        cwd=ROOT,
        env={"PROMETHEUS_MULTIPROC_DIR": str(counters)},
        timeout=60,
        check=True,
    )
