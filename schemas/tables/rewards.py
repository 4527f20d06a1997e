"""Points: accounts, the entries between them, and the awards that entries stand for.

An entry moves points from one account to another, so that every posting is balanced by
its shape and the sum over all accounts is zero whatever happens. A balance is a sum over
entries and stands in no column.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


def _one_standing(name: str, *columns: str) -> Index:
    """Return the index by which the database holds that one award at most stands."""
    stands = text("ended_at IS NULL")
    return Index(name, *columns, unique=True, sqlite_where=stands, postgresql_where=stands)


class PointAccount(Base):
    """One account; `kind` is a code of schemas.points.AccountKind.

    A rider has two: `pending`, which waits for approval, and `rider`, which can be spent.
    The others are the product's own and have no rider. `pseudonym` is what reward
    officers call the holder: one for all entries, and another than in any case, so that
    nobody follows a rider from shop to shop by it.
    """

    __tablename__ = "point_accounts"
    __table_args__ = (Index("uq_point_accounts_rider", "rider_id", "kind", unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(8))
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"))
    pseudonym: Mapped[str | None] = mapped_column(String(20), unique=True)
    opened_at: Mapped[datetime] = mapped_column(default=now_utc)


class PointAward(Base):
    """What somebody earned by a rule, for a cause, and how it was decided.

    `cause` is what the rule is applied to, such as an incident: the same rule and cause
    have one award that stands (not ended) at a time, and a rider has one per incident.
    `status`: pending, approved, refused, reversed, or capped, which is an award of no
    points. `uncapped_points` is what the rule gives without the month's cap. `ended_code`
    is a code of schemas.points.ENDINGS.
    """

    __tablename__ = "point_awards"
    __table_args__ = (
        _one_standing("uq_point_awards_standing", "rule", "cause"),
        _one_standing("uq_point_awards_incident", "incident_id", "rider_id"),
        Index("ix_point_awards_queue", "unit_id", "status", "id"),
        Index("ix_point_awards_month", "rider_id", "made_at"),
        CheckConstraint("points >= 0 AND points <= uncapped_points", name="points_within_rule"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rule: Mapped[str] = mapped_column(String(24))
    edition: Mapped[str] = mapped_column(String(24))
    cause: Mapped[str] = mapped_column(String(120))
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    incident_id: Mapped[UUID | None] = mapped_column(index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey("cases.id"))
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"), index=True)
    points: Mapped[int] = mapped_column(Integer)
    uncapped_points: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(10))
    earned_at: Mapped[datetime]
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    ended_code: Mapped[str | None] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text, default="")


class PointEntry(Base):
    """Points that went from one account to another; never altered.

    `key` says what it was for, so that the same thing done twice is one entry. `kind` is
    a code of schemas.points.EntryKind. `reason` is what a person wrote, for the officers.
    """

    __tablename__ = "point_entries"
    __table_args__ = (
        CheckConstraint("points > 0", name="points_positive"),
        CheckConstraint("from_account_id <> to_account_id", name="two_accounts"),
        Index("ix_point_entries_from", "from_account_id", "id"),
        Index("ix_point_entries_to", "to_account_id", "id"),
        Index("ix_point_entries_posted_at", "posted_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    kind: Mapped[str] = mapped_column(String(10))
    from_account_id: Mapped[UUID] = mapped_column(ForeignKey("point_accounts.id"))
    to_account_id: Mapped[UUID] = mapped_column(ForeignKey("point_accounts.id"))
    points: Mapped[int] = mapped_column(Integer)
    award_id: Mapped[UUID | None] = mapped_column(ForeignKey("point_awards.id"), index=True)
    # SQLite can't add a reference to a table that stands, and this one must not be made anew.
    redemption_id: Mapped[UUID | None] = mapped_column(index=True)
    reason_code: Mapped[str | None] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text, default="")
    actor_kind: Mapped[str] = mapped_column(String(12))
    actor_id: Mapped[UUID | None]
    posted_at: Mapped[datetime] = mapped_column(default=now_utc)


class PointExclusion(Base):
    """A tip, or a rider from a moment on, that earns nothing; decided by a reward officer.

    One of `report_id` and `rider_id` is given. `code` is of schemas.points.EXCLUSIONS.
    """

    __tablename__ = "point_exclusions"
    __table_args__ = (
        CheckConstraint("(report_id IS NULL) <> (rider_id IS NULL)", name="one_subject"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey("reports.id"), index=True)
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"), index=True)
    code: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(Text)
    made_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
