"""Metrics of the inspectors' room: cases by state and overdue, read at the moment of asking."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from review_ui.clocks import is_overdue
from schemas.database import Database, now_utc
from schemas.lifecycle import State
from schemas.tables import Case, CaseProposal
from schemas.workdays import local_date


class RoomMetrics:
    """The room's own registry, with counters of this process and gauges from the database."""

    def __init__(self, database: Database) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Cases(database))
        self.refused = Counter(
            "suishoupai_review_refused",
            "Requests that the inspectors' room refused",
            ["code"],
            registry=self.registry,
        )
        self.moves = Counter(
            "suishoupai_review_moves",
            "Changes of a case's state by staff",
            ["to"],
            registry=self.registry,
        )


class _Cases(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterable[Metric]:
        """Count now."""
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
        by_state = GaugeMetricFamily("suishoupai_cases", "Cases by state", labels=["state"])
        for state in State:
            by_state.add_metric([state.value], counts.get(state.value, 0))
        yield by_state
        yield GaugeMetricFamily(
            "suishoupai_cases_overdue", "Open cases past their due date", value=late
        )
        yield GaugeMetricFamily(
            "suishoupai_cases_unsigned", "Cases that wait for a second signature", value=unsigned
        )
