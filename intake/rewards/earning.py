"""Who earns for an incident, as its facts stand now; pure reading, nothing is written.

An incident is true while one of its cases is verified. The first valid receipt earns,
once, however many departments found it true. What is asked of a report to be valid is
one table (`CHECKS`), in the order of schemas.points.INELIGIBLE.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from schemas.lifecycle import State
from schemas.points import PointRule
from schemas.tables import (
    Case,
    CaseHistory,
    CaseReport,
    PointExclusion,
    Report,
    Rider,
    Withdrawal,
)

_REFUTED = frozenset({State.UNFOUNDED, State.UNVERIFIABLE, State.INVALID, State.TRANSFERRED})
# A case that comes to one of these can change who earns.
TELLING = _REFUTED | {State.VERIFIED, State.REOPENED, State.DISPATCH}


class Verdict(StrEnum):
    """What the inspectors have found, as far as points go."""

    OPEN = "open"
    TRUE = "true"
    UNDER_REVIEW = "under_review"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One case's verdict: since when it is verified, by whom, and by whose addition, if any.

    `deciding` is the pseudonym, in this case, of who added what decided it.
    """

    case_id: UUID
    unit_id: UUID
    verdict: Verdict
    verified_at: datetime | None = None
    signers: frozenset[UUID] = frozenset()
    deciding: str | None = None

    @property
    def counts(self) -> bool:
        """Whether who stands in the case may hold points for it."""
        return self.verdict in (Verdict.TRUE, Verdict.UNDER_REVIEW)


@dataclass(frozen=True, slots=True)
class Link:
    """A report that stands in a case that counts, with all that validity asks.

    `verified_at` is the case's: what came after it takes nothing from the tip.
    """

    finding: Finding
    verified_at: datetime
    report_id: UUID
    rider_id: UUID | None
    pseudonym: str
    received_at: datetime
    kind: str
    withdrawn_at: datetime | None
    erased_at: datetime | None
    exclusions: tuple[PointExclusion, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """An award that the rules give: to whom, for which report, and since when."""

    rule: PointRule
    rider_id: UUID
    report_id: UUID
    case_id: UUID
    unit_id: UUID
    earned_at: datetime
    is_settled: bool


def _is_excluded(link: Link) -> bool:
    return any(_holds(each, link.verified_at) for each in link.exclusions)


def _holds(exclusion: PointExclusion, verified_at: datetime) -> bool:
    """Whether a tip is out, or its rider was at the moment when it was verified."""
    if exclusion.report_id is not None:
        return exclusion.ended_at is None
    is_over = exclusion.ended_at is not None and exclusion.ended_at <= verified_at
    return exclusion.made_at <= verified_at and not is_over


CHECKS: tuple[tuple[str, Callable[[Link], bool]], ...] = (
    ("anonymous", lambda link: link.rider_id is None),
    ("legal_duplicate", lambda link: link.kind == "legal_duplicate"),
    ("withdrawn", lambda link: bool(link.withdrawn_at and link.withdrawn_at <= link.verified_at)),
    ("erased", lambda link: bool(link.erased_at and link.erased_at <= link.verified_at)),
    ("excluded", _is_excluded),
)


def why_ineligible(link: Link) -> str | None:
    """Return the code of schemas.points.INELIGIBLE that keeps a report from earning, or None."""
    return next((code for code, holds in CHECKS if holds(link)), None)


def findings_of(session: Session, *, incident_id: UUID) -> list[Finding]:
    """Return the verdict of each case of an incident, from its history."""
    cases = session.execute(
        select(Case.id, Case.unit_id).where(Case.incident_id == incident_id).order_by(Case.id)
    ).all()
    rows = session.execute(
        select(
            CaseHistory.case_id,
            CaseHistory.from_state,
            CaseHistory.to_state,
            CaseHistory.actor_id,
            CaseHistory.second_actor_id,
            CaseHistory.record,
            CaseHistory.occurred_at,
        )
        .where(CaseHistory.case_id.in_([case_id for case_id, _ in cases]))
        .order_by(CaseHistory.case_id, CaseHistory.version)
    ).all()
    changes = {
        case_id: list(theirs) for case_id, theirs in groupby(rows, key=lambda row: row.case_id)
    }
    return [_finding(case_id, unit_id, changes.get(case_id, [])) for case_id, unit_id in cases]


def _finding(case_id: UUID, unit_id: UUID, changes: Sequence[Row[Any]]) -> Finding:
    verdict, verified_at, signers, deciding = Verdict.OPEN, None, frozenset[UUID](), None
    for change in changes:
        state = State(change.to_state)
        # A re-inspection after an order comes back to «verified» and finds nothing anew.
        if state is State.VERIFIED and change.from_state != State.RECTIFYING:
            verdict, verified_at = Verdict.TRUE, change.occurred_at
            signers |= {change.actor_id, change.second_actor_id} - {None}
            deciding = change.record.get("deciding_addition")
        elif state in _REFUTED:
            verdict = Verdict.REFUTED
        elif state is State.REOPENED:
            verdict = Verdict.UNDER_REVIEW if verdict is Verdict.TRUE else Verdict.OPEN
        elif state is State.DISPATCH and verdict is Verdict.REFUTED:
            verdict = Verdict.OPEN
    return Finding(case_id, unit_id, verdict, verified_at, signers, deciding)


def links_of(session: Session, *, findings: Iterable[Finding]) -> list[Link]:
    """Return the reports that stand in the cases that count, in the order of receipt."""
    counting = {each.case_id: each for each in findings if each.counts}
    rows = session.execute(
        select(
            CaseReport.case_id,
            CaseReport.kind,
            CaseReport.pseudonym,
            Report.id,
            Report.rider_id,
            Report.received_at,
            Withdrawal.withdrawn_at,
            Rider.erased_at,
        )
        .join(Report, Report.id == CaseReport.report_id)
        .outerjoin(Withdrawal, Withdrawal.report_id == Report.id)
        .outerjoin(Rider, Rider.id == Report.rider_id)
        .where(CaseReport.case_id.in_(counting), CaseReport.unlinked_at.is_(None))
        .order_by(Report.received_at, Report.id, CaseReport.case_id)
    ).all()
    excluded = _exclusions(session, rows)
    return [
        Link(
            finding, finding.verified_at, row.id, row.rider_id, row.pseudonym, row.received_at,
            row.kind, row.withdrawn_at, row.erased_at, excluded.get(row.rider_id or row.id, ()),
        )
        for row in rows
        if (finding := counting[row.case_id]).verified_at
    ]  # fmt: skip


def _exclusions(session: Session, rows: Sequence[Any]) -> Mapping[UUID, tuple[PointExclusion, ...]]:
    """Return what was decided against each rider, or against any tip of theirs in the incident.

    Whose tip was a fraud does not earn for the same incident by another one.
    """
    whose = {row.id: row.rider_id or row.id for row in rows}
    riders = {row.rider_id for row in rows if row.rider_id}
    found: dict[UUID, tuple[PointExclusion, ...]] = {}
    for each in session.scalars(
        select(PointExclusion).where(
            PointExclusion.report_id.in_(whose) | PointExclusion.rider_id.in_(riders)
        )
    ):
        owner = whose[each.report_id] if each.report_id else each.rider_id
        if owner:
            found[owner] = (*found.get(owner, ()), each)
    return found


def dues_of(session: Session, *, findings: Sequence[Finding]) -> list[Due]:
    """Return the awards that the rules give for an incident now: one a rule, one a rider.

    What is under review again keeps what it has and begins nothing (`is_settled`).
    """
    links = links_of(session, findings=findings)
    earners = {
        PointRule.FIRST_REPORT: _first(links),
        PointRule.SUPPLEMENT: _deciding(links),
    }
    dues: list[Due] = []
    for rule, link in earners.items():
        # A rider has one award for an incident: the first, which is the greater.
        if link and link.rider_id and link.rider_id not in {due.rider_id for due in dues}:
            dues.append(_due(rule, link, link.rider_id))
    return dues


def _first(links: Sequence[Link]) -> Link | None:
    """Return the report that earns: the first valid one, in the order of its rider's receipts.

    A rider's rank is their earliest receipt, a legal duplicate included: whichever of
    their two tips the machine had looked at first, both arrived when they arrived.
    """
    ranks: dict[UUID, int] = {}
    for place, link in enumerate(links):
        if link.rider_id:
            ranks.setdefault(link.rider_id, place)
    valid = [link for link in links if why_ineligible(link) is None]
    # What is settled goes before what is under review again, of the same report.
    return min(
        valid,
        key=lambda link: (
            ranks[link.rider_id] if link.rider_id else 0,
            link.received_at,
            link.report_id,
            link.finding.verdict is not Verdict.TRUE,
        ),
        default=None,
    )


def _deciding(links: Iterable[Link]) -> Link | None:
    """Return the valid report whose addition decided a case, by that case's signed record."""
    return next(
        (
            link
            for link in links
            if link.pseudonym == link.finding.deciding and why_ineligible(link) is None
        ),
        None,
    )


def _due(rule: PointRule, link: Link, rider_id: UUID) -> Due:
    return Due(
        rule, rider_id, link.report_id, link.finding.case_id, link.finding.unit_id,
        link.verified_at, link.finding.verdict is Verdict.TRUE,
    )  # fmt: skip
