"""How unusual a report is for who sent it, computed from the rows of their recent ones.

Shown to a person as a flag with reasons; nothing is refused or put aside by it. Who has
no name has no past: an anonymous report has no risk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased

from intake.inserting import insert_if_new
from schemas.lifecycle import State
from schemas.places import Point, distance_m
from schemas.risks import CLOSER_LOOK, POLICY, REASONS, score_of
from schemas.tables import (
    CaseHistory,
    CaseReport,
    Claim,
    Match,
    Report,
    ReportRisk,
    Withdrawal,
)
from workers.claims import DEVICE
from workers.match import PICTURE_KINDS

FLAG = "reporter-unusual"


@dataclass(frozen=True, kw_only=True)
class RiskRules:
    """The thresholds; another version of them gets another name in schemas.risks."""

    window: timedelta = timedelta(days=90)
    latest: int = 200
    # Less than this many says nothing of anybody.
    at_least: int = 3
    share: float = 0.5
    burst: int = 10
    burst_within: timedelta = timedelta(hours=1)
    leaps: int = 2
    leaps_within: timedelta = timedelta(days=1)
    leap_m: float = 3_000.0
    # Beyond what anybody rides in a city.
    speed_m_s: float = 100_000 / 3600
    pictures: int = 2


RULES = RiskRules()
_REFUTED = frozenset({State.UNFOUNDED.value, State.INVALID.value})
_CONFIRMED = frozenset({State.VERIFIED.value})


def assess(session: Session, *, report: Report, now: datetime) -> bool:
    """Store what is unusual about who sent a report; says whether it asks for a closer look.

    A report that is assessed again keeps what was found the first time.
    """
    if report.rider_id is None:
        return False
    reasons = find_reasons(session, report=report)
    score = score_of(reasons)
    if not reasons:
        return False
    row = {
        "report_id": report.id,
        "policy": POLICY,
        "score": score,
        "reasons": reasons,
        "assessed_at": now,
    }
    insert_if_new(session, ReportRisk, [row], conflict=("report_id",))
    return session.get_one(ReportRisk, report.id).score >= CLOSER_LOOK


def find_reasons(session: Session, *, report: Report, rules: RiskRules = RULES) -> list[str]:
    """Return the codes of what is unusual, in the order of schemas.risks."""
    recent = session.execute(
        select(Report.id, Report.received_at)
        .where(
            Report.rider_id == report.rider_id,
            Report.received_at <= report.received_at,
            Report.received_at > report.received_at - rules.window,
        )
        .order_by(Report.received_at.desc())
        .limit(rules.latest)
    ).all()
    ids = [row.id for row in recent]
    hour = report.received_at - rules.burst_within
    raised = {
        "often-unfounded": _often_unfounded(session, ids, rules),
        "pictures-of-others": _borrowed(session, report, ids) >= rules.pictures,
        "far-apart": _leaps(session, ids, report, rules) >= rules.leaps,
        "often-withdrawn": _often_withdrawn(session, ids, rules),
        "many-at-once": sum(row.received_at > hour for row in recent) >= rules.burst,
    }
    return [code for code in REASONS if raised[code]]


def _often_unfounded(session: Session, ids: Sequence[UUID], rules: RiskRules) -> bool:
    """Whether most of the reports that were checked did not hold."""
    checked: dict[UUID, set[str]] = {}
    for report_id, state in session.execute(
        select(CaseReport.report_id, CaseHistory.to_state)
        .join(CaseHistory, CaseHistory.case_id == CaseReport.case_id)
        .where(
            CaseReport.report_id.in_(ids),
            CaseReport.unlinked_at.is_(None),
            CaseHistory.to_state.in_(_REFUTED | _CONFIRMED),
        )
    ):
        checked.setdefault(report_id, set()).add(state)
    # One that holds in the eyes of one department is none that does not.
    refuted = sum(not states & _CONFIRMED for states in checked.values())
    return _is_most(refuted, len(checked), rules)


def _often_withdrawn(session: Session, ids: Sequence[UUID], rules: RiskRules) -> bool:
    withdrawn = session.scalar(
        select(func.count()).select_from(Withdrawal).where(Withdrawal.report_id.in_(ids))
    )
    return _is_most(withdrawn or 0, len(ids), rules)


def _is_most(part: int, whole: int, rules: RiskRules) -> bool:
    return part >= rules.at_least and part > rules.share * whole


def _borrowed(session: Session, report: Report, ids: Sequence[UUID]) -> int:
    """Return how many of the reports carry a picture that another rider had sent before."""
    own, other = aliased(Report), aliased(Report)
    found = session.scalars(
        select(own.id).where(
            own.id.in_(ids),
            exists()
            .where(
                Match.report_id == own.id,
                Match.kind.in_(PICTURE_KINDS),
                other.id == Match.other_report_id,
                other.rider_id != report.rider_id,
                other.received_at < own.received_at,
            )
            .correlate(own),
        )
    )
    return len(found.all())


def _leaps(session: Session, ids: Sequence[UUID], report: Report, rules: RiskRules) -> int:
    """Return how often two reports in a row were too far apart in too short a time.

    By the phone's own clock, however wrong it runs: what waited without signal is sent
    together. A report that does not say when is left out.
    """
    clock, place = aliased(Claim), aliased(Claim)
    stops = session.execute(
        select(clock.moment, place.latitude, place.longitude)
        .join(place, place.report_id == clock.report_id)
        .join(Report, Report.id == clock.report_id)
        .where(
            clock.report_id.in_(ids),
            clock.source == "device_clock",
            place.source == DEVICE,
            Report.received_at > report.received_at - rules.leaps_within,
        )
        .order_by(clock.moment)
    ).all()
    leaps = 0
    for before, after in pairwise(stops):
        apart = distance_m(
            Point(before.latitude, before.longitude), Point(after.latitude, after.longitude)
        )
        seconds = (after.moment - before.moment).total_seconds()
        leaps += apart >= rules.leap_m and apart > rules.speed_m_s * seconds
    return leaps
