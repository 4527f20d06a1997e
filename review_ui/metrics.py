"""Metrics of the inspectors' room: what it counted, and how the work stands right now.

Counts are kept per process. Where several server processes run, prometheus_client
keeps them in files and the answer is their sum; the other door may use the same
files, so only this room's own counters are taken from there.
"""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from review_ui.casework.clocks import is_overdue
from schemas.database import Database, now_utc
from schemas.lifecycle import State
from schemas.measures import NightWork, night_work, provisional_due_dates, step_seconds
from schemas.tables import Case, CaseProposal
from schemas.workdays import local_date

PREFIX = "suishoupai_review_"


class RoomMetrics:
    """The room's own counters, and the registry that /metrics shows."""

    def __init__(self, database: Database) -> None:
        # The registry of none: each app has its own, so that tests may make many.
        self.refused = Counter(
            f"{PREFIX}refused", "Requests refused, by reason", ["reason"], registry=None
        )
        self.moves = Counter(
            f"{PREFIX}moves", "Changes of a case's state by staff", ["to"], registry=None
        )
        self.unsealings = Counter(
            f"{PREFIX}unsealings",
            "Seals opened by staff, by what was in them",
            ["what"],
            registry=None,
        )
        self.evidence = Counter(
            f"{PREFIX}evidence_packages", "Evidence packages handed out", registry=None
        )
        self._present = _PresentState(database)

    def observe_refusal(self, code: str) -> None:
        """Count one refusal by its stable code."""
        self.refused.labels(reason=code).inc()

    def registry(self) -> CollectorRegistry:
        """Return everything to show, with the present state looked up."""
        registry = CollectorRegistry()
        registry.register(self._present)
        try:
            several = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        except ValueError:
            # Only this process counts.
            registry.register(self.refused)
            registry.register(self.moves)
            registry.register(self.unsealings)
            registry.register(self.evidence)
        else:
            registry.register(_OwnCounters(several))
        return registry


class _OwnCounters(Collector):
    """The counters of all processes of this room."""

    def __init__(self, several: MultiProcessCollector) -> None:
        self._several = several

    def collect(self) -> Iterable[Metric]:
        """Give what is ours of everything that lies in the files."""
        for metric in self._several.collect():  # type: ignore[no-untyped-call]
            if metric.name.startswith(PREFIX):
                yield metric


class _PresentState(Collector):
    """Figures that are true at the moment of asking, whichever process is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        """Count now; nothing while the database is away, which readiness reports."""
        try:
            with self._database.reading() as session:
                rows = session.execute(select(Case.state, func.count()).group_by(Case.state))
                counts = dict(rows.all())
                late = session.scalars(
                    select(func.count()).select_from(Case).where(is_overdue(local_date(now_utc())))
                ).one()
                unsigned = session.scalars(
                    select(func.count())
                    .select_from(CaseProposal)
                    .where(CaseProposal.decided_at.is_(None))
                ).one()
                provisional = provisional_due_dates(session)
                steps = step_seconds(session)
                night = night_work(session)
        except DBAPIError:
            return
        by_state = GaugeMetricFamily("suishoupai_cases", "Cases by state", labels=["state"])
        for state in State:
            by_state.add_metric([state.value], counts.get(state.value, 0))
        yield by_state
        for name, text, value in (
            ("overdue", "Open cases past their due date", late),
            ("unsigned", "Cases that wait for a second signature", unsigned),
            ("due_provisional", "Due dates that no published calendar confirms", provisional),
        ):
            yield GaugeMetricFamily(f"suishoupai_cases_{name}", text, value=value)
        yield from _of_the_night(night)
        seconds = SummaryMetricFamily(
            "suishoupai_step_seconds", "Seconds of pipeline steps", labels=["step"]
        )
        for step in steps:
            seconds.add_metric([step.step], count_value=step.count, sum_value=step.seconds)
        yield seconds


def _of_the_night(night: NightWork) -> Iterable[Metric]:
    """Give what the nights' work found; a moment that never was is left out."""
    if night.verified_at:
        yield GaugeMetricFamily(
            "suishoupai_audit_chain_broken",
            "1 if the last verification of the audit log found a fault",
            value=int(night.fault is not None),
        )
        yield GaugeMetricFamily(
            "suishoupai_audit_verified_timestamp_seconds",
            "When the audit log was last verified",
            value=night.verified_at.timestamp(),
        )
    if night.retention_ran_at:
        yield GaugeMetricFamily(
            "suishoupai_riders_due_for_erasure",
            "Riders whose sealed data was still to be erased after the last retention run",
            value=night.due_for_erasure,
        )
        yield GaugeMetricFamily(
            "suishoupai_retention_timestamp_seconds",
            "When retention last ran",
            value=night.retention_ran_at.timestamp(),
        )
