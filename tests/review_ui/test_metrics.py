"""The room's metrics: true over several processes, and only its own."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from review_ui.metrics import RoomMetrics
from schemas.database import connect
from schemas.lifecycle import State
from schemas.tables import AuditVerification, NightlyRun, ReportStep

ROOT = Path(__file__).parents[2]

# Two processes of the room and one of the other door write into the same files.
SEVERAL = """
import os, sys
from prometheus_client import Counter
from review_ui.metrics import RoomMetrics
from schemas.database import connect
from schemas.settings import load_settings
child = os.fork()
metrics = RoomMetrics(connect(load_settings({"DATA_DIR": sys.argv[1]})))
metrics.observe_refusal("not-found")
Counter("suishoupai_tips_accepted", "of the other door", registry=None).inc()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
values = {s.name: s.value for f in metrics.registry().collect() for s in f.samples}
assert values["suishoupai_review_refused_total"] == 2, values
assert "suishoupai_tips_accepted_total" not in values, values
"""


def test_several_processes_are_summed_and_the_other_door_left_out(tmp_path) -> None:
    counters = tmp_path / "counters"
    counters.mkdir()
    subprocess.run(
        [sys.executable, "-c", SEVERAL, str(tmp_path)],
        cwd=ROOT,
        env={"PROMETHEUS_MULTIPROC_DIR": str(counters)},
        timeout=60,
        check=True,
    )


def test_the_present_state_is_counted_when_asked(world) -> None:
    report = world.report()
    world.case(reports=(report,), state=State.VERIFYING)
    with world.database.writing() as session:
        for seconds in (0.25, 0.5):
            session.add(ReportStep(report_id=report, step="examine", duration_s=seconds))
    text = generate_latest(RoomMetrics(world.database).registry()).decode()
    assert 'suishoupai_cases{state="verifying"} 1.0' in text
    assert 'suishoupai_step_seconds_count{step="examine"} 2.0' in text
    assert 'suishoupai_step_seconds_sum{step="examine"} 0.75' in text


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
def test_what_the_night_found_is_shown_once_there_was_a_night(world) -> None:
    assert "audit_chain" not in generate_latest(RoomMetrics(world.database).registry()).decode()
    with world.database.writing() as session:
        session.add(AuditVerification(
            verified_at=datetime(2026, 11, 20, 19, 0, tzinfo=UTC), sealed=7, head="a" * 64,
            fault="entry-altered", fault_sequence=8,
        ))  # fmt: skip
        session.add(NightlyRun(
            task="retention", ran_at=datetime(2026, 11, 20, 20, 0, tzinfo=UTC), facts={"due": 3}
        ))  # fmt: skip
    text = generate_latest(RoomMetrics(world.database).registry()).decode()
    assert "suishoupai_audit_chain_broken 1.0" in text
    verified = re.search(r"^suishoupai_audit_verified_timestamp_seconds (.+)$", text, re.M)
    assert float(verified[1]) == datetime(2026, 11, 20, 19, 0, tzinfo=UTC).timestamp()
    assert "suishoupai_riders_due_for_erasure 3.0" in text
    assert "suishoupai_retention_timestamp_seconds" in text


def test_metrics_are_answered_while_the_database_is_away(settings) -> None:
    away = connect(
        settings.model_copy(update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    )
    text = generate_latest(RoomMetrics(away).registry()).decode()
    assert "suishoupai_cases" not in text
    away.close()
