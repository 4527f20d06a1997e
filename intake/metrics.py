"""What the rider's door counts, and what it looks up when Prometheus asks.

Counts are kept per process; with PROMETHEUS_MULTIPROC_DIR set (by whoever starts
several server processes) prometheus_client keeps them in files there and the answer
is their sum.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from intake.notices import delivery_counts
from intake.queueing import DoorQueue
from schemas.database import Database, now_utc
from schemas.tables import Report, ReportProgress

# From a status page's millisecond to nine photos over a poor line.
BUCKETS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


@dataclass(frozen=True)
class Backlog:
    """How many reports the pipeline has not finished, and since when the oldest waits."""

    unfinished: int
    oldest: datetime | None


class DoorMetrics:
    """The door's own counters, and the registry that /metrics shows."""

    def __init__(self, database: Database, queue: DoorQueue) -> None:
        # The registry of none: each app has its own, so that tests may make many.
        self.accepted = Counter(
            "suishoupai_tips_accepted", "Tips taken, repeats not counted", registry=None
        )
        self.refused = Counter(
            "suishoupai_refused", "Requests refused, by reason", ["reason"], registry=None
        )
        self.sms_failed = Counter(
            "suishoupai_sms_failed", "One-time codes that were not sent", registry=None
        )
        self.request_seconds = Histogram(
            "suishoupai_request_seconds",
            "Time to the answer's first byte",
            ["route", "method", "status"],
            buckets=BUCKETS_S,
            registry=None,
        )
        self._now = _PresentState(database, queue)

    def observe_refusal(self, code: str) -> None:
        """Count one refusal by its stable code."""
        self.refused.labels(reason=code).inc()

    def registry(self) -> CollectorRegistry:
        """Return everything to show, with the present state looked up."""
        registry = CollectorRegistry()
        registry.register(self._now)
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        else:
            for metric in (self.accepted, self.refused, self.sms_failed, self.request_seconds):
                registry.register(metric)
        return registry

    def attach(self, app: Flask) -> None:
        """Time every request of the app by its route, never by its address."""

        @app.before_request
        def _start() -> None:
            g.started_s = time.perf_counter()

        @app.after_request
        def _stop(response: Response) -> Response:
            route = request.url_rule.rule if request.url_rule else "none"
            self.request_seconds.labels(
                route=route, method=request.method, status=str(response.status_code)
            ).observe(time.perf_counter() - g.started_s)
            return response


class _PresentState(Collector):
    """Gauges that are true at the moment of asking, whichever process is asked."""

    def __init__(self, database: Database, queue: DoorQueue) -> None:
        self._database = database
        self._queue = queue

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give what can be found out now; what is away is left out."""
        depth = self._queue.depth()
        if depth is not None:
            yield GaugeMetricFamily("suishoupai_queue_depth", "Jobs that wait", value=depth)
        try:
            backlog = backlog_of(self._database)
            with self._database.reading() as session:
                deliveries = delivery_counts(session)
        except DBAPIError:
            return
        family = GaugeMetricFamily(
            "suishoupai_deliveries",
            "Notices on their way to phones and messengers",
            labels=["channel", "state"],
        )
        for channel, state, count in deliveries:
            family.add_metric([channel, state], count)
        yield family
        yield GaugeMetricFamily(
            "suishoupai_reports_unfinished",
            "Reports that the pipeline has not finished",
            value=backlog.unfinished,
        )
        age_s = (now_utc() - backlog.oldest).total_seconds() if backlog.oldest else 0.0
        yield GaugeMetricFamily(
            "suishoupai_oldest_unfinished_seconds",
            "Age of the oldest unfinished report",
            value=max(0.0, age_s),
        )


def backlog_of(database: Database) -> Backlog:
    """Return what the pipeline still has to do."""
    with database.reading() as session:
        unfinished, oldest = session.execute(
            select(func.count(), func.min(Report.received_at))
            .select_from(ReportProgress)
            .join(Report, Report.id == ReportProgress.report_id)
            .where(ReportProgress.finished_at.is_(None))
        ).one()
    return Backlog(unfinished, oldest)
