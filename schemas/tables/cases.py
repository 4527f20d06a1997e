"""Cases: what a regulator handles, how it got there, and everything done with it."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, hourly_id, new_id, now_utc, random_id


class Case(Base):
    """One incident in the hands of one department.

    `unit_id` is whose queue it stands in (for a case in dispatch: the desk of the
    smallest area that holds all candidates). `version` counts the changes, so that
    a stale screen is refused. `paused_since` is set while the clock stands still.
    Cases of one incident in several departments share `incident_id`. `flags` are codes
    of schemas.flags. The state is written by review_ui.casework.advancing and, at birth, by the
    pipeline or a split, and by nothing else.

    What the database's own triggers keep, for the lists and the map: `tree_1` to
    `tree_4` are the units above the case from the root down (a fifth is the unit
    itself), `stage` is its pile (schemas.stages), and `open_cell` the square of a
    twentieth of a degree in which it lies while it is not ended (schemas.cells).
    """

    __tablename__ = "cases"
    __table_args__ = (
        *(
            # The order of a list, and what its pages are narrowed by most beside it.
            Index(
                f"ix_cases_{column.removesuffix('_id')}",
                *(column, "stage", "due_on", "id", "received_at", "state"),
            )
            for column in ("tree_1", "tree_2", "tree_3", "tree_4", "unit_id", "assignee_id")
        ),
        Index("ix_cases_place", "latitude", "longitude"),
        # A case page looks for the shop's other cases.
        Index("ix_cases_premises_name", "premises_name"),
        # A map of the country, a province or a city is read from this alone.
        Index(
            "ix_cases_map",
            *("open_cell", "tree_1", "tree_2", "tree_3", "latitude", "longitude"),
            sqlite_where=text("open_cell IS NOT NULL"),
            postgresql_where=text("open_cell IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=hourly_id)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    incident_id: Mapped[UUID] = mapped_column(index=True)
    department: Mapped[str] = mapped_column(String(12))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    state: Mapped[str] = mapped_column(String(14))
    version: Mapped[int] = mapped_column(default=1)
    categories: Mapped[list[str]]
    severity: Mapped[int]
    premises_name: Mapped[str] = mapped_column(String(200), default="")
    county_code: Mapped[str | None] = mapped_column(String(6), index=True)
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    accuracy_m: Mapped[float | None] = mapped_column(Float(53))
    flags: Mapped[list[str]] = mapped_column(default=list)
    received_at: Mapped[datetime]
    opened_at: Mapped[datetime] = mapped_column(default=now_utc, index=True)
    due_on: Mapped[date]
    due_provisional: Mapped[bool] = mapped_column(default=False)
    paused_since: Mapped[date | None]
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    verified_at: Mapped[datetime | None]
    rectification_ordered_at: Mapped[datetime | None]
    filed_at: Mapped[datetime | None]
    penalised_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    tree_1: Mapped[UUID | None]
    tree_2: Mapped[UUID | None]
    tree_3: Mapped[UUID | None]
    tree_4: Mapped[UUID | None]
    stage: Mapped[int | None] = mapped_column(SmallInteger)
    open_cell: Mapped[int | None] = mapped_column(Integer)


class CaseReport(Base):
    """A report linked to a case; its rank is the order of receipt among the links that stand.

    `kind`: first, same_incident, legal_duplicate. `linked_by` is empty for a link
    that the machine made. Links are ended, never deleted, so that they can be undone.
    """

    __tablename__ = "case_reports"
    __table_args__ = (
        # A report stands in one case of a department at a time: this index, not the
        # queue, is what keeps a job that runs twice from opening a second case.
        Index(
            "uq_case_reports_standing",
            "report_id",
            "department",
            unique=True,
            sqlite_where=text("unlinked_at IS NULL"),
            postgresql_where=text("unlinked_at IS NULL"),
        ),
        Index("ix_case_reports_case_id", "case_id"),
        Index("ix_case_reports_report_id", "report_id"),
        Index("ix_case_reports_linked_at", "linked_at"),
        Index(
            "ix_case_reports_unlinked_at",
            "unlinked_at",
            sqlite_where=text("unlinked_at IS NOT NULL"),
            postgresql_where=text("unlinked_at IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=random_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"))
    department: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(16))
    pseudonym: Mapped[str] = mapped_column(String(12))
    match_id: Mapped[UUID | None] = mapped_column(ForeignKey("matches.id"))
    linked_at: Mapped[datetime] = mapped_column(default=now_utc)
    linked_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    unlinked_at: Mapped[datetime | None]
    unlinked_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))


class CaseHistory(Base):
    """One change of a case's state, with what was recorded; never altered.

    `occurred_at` is when it happened, `recorded_at` when the program learned of it.
    """

    __tablename__ = "case_history"
    __table_args__ = (
        UniqueConstraint("case_id", "version"),
        # What came since the week was counted last.
        Index("ix_case_history_recorded_at", "recorded_at"),
        # The map of risk looks for what was verified in some weeks, and for nothing else.
        Index(
            "ix_case_history_verified",
            *("occurred_at", "case_id", "version"),
            sqlite_where=text("from_state = 'verifying' AND to_state = 'verified'"),
            postgresql_where=text("from_state = 'verifying' AND to_state = 'verified'"),
        ),
        # A conclusion counts unless the case was taken up again: few are, and all are asked for.
        Index(
            "ix_case_history_reopened",
            *("case_id", "version"),
            sqlite_where=text("to_state = 'reopened'"),
            postgresql_where=text("to_state = 'reopened'"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    from_state: Mapped[str | None] = mapped_column(String(14))
    to_state: Mapped[str] = mapped_column(String(14))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    second_actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    record: Mapped[dict[str, Any]] = mapped_column(default=dict)
    occurred_at: Mapped[datetime] = mapped_column(default=now_utc, index=True)
    recorded_at: Mapped[datetime] = mapped_column(default=now_utc)


class CaseAct(Base):
    """Something done with a case that leaves its state, with what was recorded; never altered.

    `act` is a code of schemas.acts. What the clocks count (extensions, pauses, disputes)
    is read from these rows, so that every due date can be explained from facts.
    """

    __tablename__ = "case_acts"
    __table_args__ = (
        UniqueConstraint("case_id", "version"),
        Index("ix_case_acts_recorded_at", "recorded_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    act: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    second_actor_id: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    record: Mapped[dict[str, Any]] = mapped_column(default=dict)
    occurred_at: Mapped[datetime] = mapped_column(default=now_utc)
    recorded_at: Mapped[datetime] = mapped_column(default=now_utc)


class CaseProposal(Base):
    """A step that waits for its second signature; at most one stands in a case.

    `act` is empty for a move to `to_state`; an act leaves the state, which then stands
    in `to_state`. `signer_role` is who has to sign. `outcome`: confirmed, sent_back, or
    superseded when the case moved on otherwise.
    """

    __tablename__ = "case_proposals"
    __table_args__ = (
        Index(
            "uq_case_proposals_standing",
            "case_id",
            unique=True,
            sqlite_where=text("decided_at IS NULL"),
            postgresql_where=text("decided_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    to_state: Mapped[str] = mapped_column(String(14))
    act: Mapped[str | None] = mapped_column(String(20))
    signer_role: Mapped[str | None] = mapped_column(String(20))
    record: Mapped[dict[str, Any]] = mapped_column(default=dict)
    proposed_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    proposed_at: Mapped[datetime] = mapped_column(default=now_utc)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(12))
    reason: Mapped[str] = mapped_column(Text, default="")


class CaseDecision(Base):
    """A decision's number, unique within the authority that issued it, with its sums in fen."""

    __tablename__ = "case_decisions"
    __table_args__ = (UniqueConstraint("issuing_unit_id", "decision_number"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"), index=True)
    issuing_unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    decision_number: Mapped[str] = mapped_column(String(60))
    decided_on: Mapped[date]
    fine_fen: Mapped[int] = mapped_column(BigInteger, default=0)
    confiscation_fen: Mapped[int] = mapped_column(BigInteger, default=0)


class RouteDecision(Base):
    """Why a report went where it went; one standing decision per report and department.

    `outcome`: unit, dispatch or linked. `reasons` are dicts with a `code` of
    workers.route.REASONS and its facts; `candidates` list code, name and distance in metres.
    """

    __tablename__ = "route_decisions"
    __table_args__ = (UniqueConstraint("report_id", "department"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"))
    department: Mapped[str] = mapped_column(String(12))
    outcome: Mapped[str] = mapped_column(String(10))
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    rule: Mapped[str] = mapped_column(String(40))
    point_source: Mapped[str | None] = mapped_column(String(20))
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    accuracy_m: Mapped[float | None] = mapped_column(Float(53))
    county_code: Mapped[str | None] = mapped_column(String(6))
    street_code: Mapped[str | None] = mapped_column(String(12))
    border_distance_m: Mapped[float | None] = mapped_column(Float(53))
    runner_up_code: Mapped[str | None] = mapped_column(String(12))
    runner_up_distance_m: Mapped[float | None] = mapped_column(Float(53))
    candidates: Mapped[list[Any]] = mapped_column(default=list)
    reasons: Mapped[list[Any]] = mapped_column(default=list)
    boundary_version: Mapped[str] = mapped_column(String(120))
    policy: Mapped[str] = mapped_column(String(20))
    decided_at: Mapped[datetime] = mapped_column(default=now_utc)
