"""What happened to cases, as it was known at a moment: read from append-only facts alone.

A case's present columns are never counted: they say how things are, not how they were.
Moves, acts and reports can't be altered; a link is ended once and never otherwise
changed (the database sees to it), so that how it stood can be told for every moment.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.lifecycle import State
from schemas.tables import Case, CaseAct, CaseHistory, CaseReport, Report

# So many cases are read and counted at a time: what a national bulletin needs of memory.
BATCH = 400


@dataclass(frozen=True, slots=True)
class Move:
    """One change of a case's state."""

    version: int
    source: State | None
    target: State
    unit_id: UUID
    record: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Deed:
    """One act within a state; `code` is of schemas.acts."""

    version: int
    code: str
    record: Mapping[str, Any]
    occurred_at: datetime
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Bond:
    """One link of a report to a case."""

    case_id: UUID
    report_id: UUID
    department: str
    kind: str
    linked_at: datetime
    unlinked_at: datetime | None

    def stands(self, known_at: datetime) -> bool:
        """Whether the link stood, as far as was known at a moment."""
        is_ended = self.unlinked_at is not None and self.unlinked_at <= known_at
        return self.linked_at <= known_at and not is_ended


@dataclass(frozen=True, slots=True)
class Tip:
    """One report with all its links, those to other cases too."""

    id: UUID
    rider_id: UUID | None
    categories: tuple[str, ...]
    platform: str
    received_at: datetime
    bonds: tuple[Bond, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One case with everything that a bulletin counts of it.

    `moves` and `deeds` are in the order of their versions.
    """

    id: UUID
    number: str
    department: str
    moves: tuple[Move, ...]
    deeds: tuple[Deed, ...]
    tips: tuple[Tip, ...]

    def as_known(self, at: datetime) -> "CaseFile":
        """Return the file with what had been recorded by a moment, and nothing later."""
        return replace(
            self,
            moves=tuple(each for each in self.moves if each.recorded_at <= at),
            deeds=tuple(each for each in self.deeds if each.recorded_at <= at),
            tips=tuple(
                replace(tip, bonds=standing)
                for tip in self.tips
                if any(each.case_id == self.id for each in standing_bonds(tip, at))
                for standing in (standing_bonds(tip, at),)
            ),
        )


def standing_bonds(tip: Tip, known_at: datetime) -> tuple[Bond, ...]:
    """Return the links of a report that stood, as far as was known at a moment."""
    return tuple(each for each in tip.bonds if each.stands(known_at))


def read_files(session: Session, case_ids: Iterable[UUID]) -> Iterator[CaseFile]:
    """Yield the files of cases, some hundred in memory at a time."""
    batch: list[UUID] = []
    for case_id in case_ids:
        batch.append(case_id)
        if len(batch) == BATCH:
            yield from _read_batch(session, batch)
            batch = []
    if batch:
        yield from _read_batch(session, batch)


def _read_batch(session: Session, case_ids: Sequence[UUID]) -> Iterator[CaseFile]:
    heads = session.execute(
        select(Case.id, Case.number, Case.department).where(Case.id.in_(case_ids))
    ).all()
    moves, deeds = _moves(session, case_ids), _deeds(session, case_ids)
    tips = _tips(session, case_ids)
    for case_id, number, department in heads:
        yield CaseFile(
            case_id,
            number,
            department,
            tuple(moves[case_id]),
            tuple(deeds[case_id]),
            tuple(tips[case_id]),
        )


def _moves(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Move]]:
    found: dict[UUID, list[Move]] = defaultdict(list)
    rows = session.execute(
        select(
            CaseHistory.case_id,
            CaseHistory.version,
            CaseHistory.from_state,
            CaseHistory.to_state,
            CaseHistory.unit_id,
            CaseHistory.record,
            CaseHistory.occurred_at,
            CaseHistory.recorded_at,
        )
        .where(CaseHistory.case_id.in_(case_ids))
        .order_by(CaseHistory.case_id, CaseHistory.version)
    )
    for case_id, version, source, target, unit_id, record, occurred_at, recorded_at in rows:
        found[case_id].append(
            Move(
                version,
                State(source) if source else None,
                State(target),
                unit_id,
                record,
                occurred_at,
                recorded_at,
            )
        )
    return found


def _deeds(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Deed]]:
    found: dict[UUID, list[Deed]] = defaultdict(list)
    rows = session.execute(
        select(
            CaseAct.case_id,
            CaseAct.version,
            CaseAct.act,
            CaseAct.record,
            CaseAct.occurred_at,
            CaseAct.recorded_at,
        )
        .where(CaseAct.case_id.in_(case_ids))
        .order_by(CaseAct.case_id, CaseAct.version)
    )
    for case_id, *fields in rows:
        found[case_id].append(Deed(*fields))
    return found


def _tips(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Tip]]:
    """Read the reports that are or were linked to these cases, by case, the first one first."""
    here = select(CaseReport.report_id).where(CaseReport.case_id.in_(case_ids))
    bonds: dict[UUID, list[Bond]] = defaultdict(list)
    rows = session.execute(
        select(
            CaseReport.case_id,
            CaseReport.report_id,
            CaseReport.department,
            CaseReport.kind,
            CaseReport.linked_at,
            CaseReport.unlinked_at,
        ).where(CaseReport.report_id.in_(here))
    )
    for row in rows:
        bond = Bond(*row)
        bonds[bond.report_id].append(bond)
    found: dict[UUID, list[Tip]] = defaultdict(list)
    reports = session.execute(
        select(Report.id, Report.rider_id, Report.categories, Report.platform, Report.received_at)
        .where(Report.id.in_(here))
        .order_by(Report.received_at, Report.id)
    )
    for report_id, rider_id, categories, platform, received_at in reports:
        tip = Tip(
            report_id, rider_id, tuple(categories), platform, received_at, tuple(bonds[report_id])
        )
        for case_id in {bond.case_id for bond in tip.bonds}:
            found[case_id].append(tip)
    return found
