"""How riders come to be known: invitations, consents, stations and their codes."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Invitation(Base):
    """Lets riders of one platform's station register by themselves, so many and so long.

    No rider points here: which station somebody belongs to stays in the sealed profile,
    and `used` is a count and no more. `unit_id` and `made_by` are empty for those that the
    operator made by command. A unit's can be printed again while it stands: its token is
    sealed beside its hash.
    """

    __tablename__ = "invitations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    platform: Mapped[str] = mapped_column(String(80))
    station: Mapped[str] = mapped_column(String(80))
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    expires_at: Mapped[datetime]
    allowed: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    ended_at: Mapped[datetime | None]
    unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"), index=True)
    made_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    ended_by: Mapped[UUID | None] = mapped_column(ForeignKey("staff.id"))
    sealed_token: Mapped[bytes | None] = mapped_column(LargeBinary)


class RiderConsent(Base):
    """One consent of a rider to one use of personal data, in one version of its words.

    At most one stands per rider and kind; it is withdrawn, never deleted, so that it can
    be shown what was agreed to and until when (PIPL art. 14 to 16).
    """

    __tablename__ = "rider_consents"
    __table_args__ = (
        CheckConstraint("kind in ('location')", name="kind_known"),
        Index(
            "uq_rider_consents_standing",
            "rider_id",
            "kind",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"))
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(10))
    given_at: Mapped[datetime] = mapped_column(default=now_utc)
    withdrawn_at: Mapped[datetime | None]


class Station(Base):
    """A place where riders meet the office, and the token of its terminal, kept as a hash."""

    __tablename__ = "stations"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    place: Mapped[str] = mapped_column(String(300))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    made_at: Mapped[datetime] = mapped_column(default=now_utc)
    ended_at: Mapped[datetime | None]


class StationProfile(Base):
    """Where a station lies and what it offers, as anybody may read it.

    `unit_id` is whose reward officers look after it. Latitude and longitude are WGS-84
    degrees, empty where nobody pointed at it; `services` are codes of schemas.stations,
    `hours` seven days of [opening, closing] or null, none where nobody wrote them down.
    """

    __tablename__ = "station_profiles"
    __table_args__ = (Index("ix_station_profiles_unit_id", "unit_id"),)

    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    county_code: Mapped[str] = mapped_column(String(6))
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    services: Mapped[list[str]]
    hours: Mapped[list[Any]]
    note: Mapped[str] = mapped_column(String(200), default="")
    changed_at: Mapped[datetime] = mapped_column(default=now_utc)


class StationVisit(Base):
    """A rider was at a station on a local day; removed when the day after is over.

    One row a rider, station and day, without an hour: enough to answer «was here today»,
    and nothing to draw a movement from.
    """

    __tablename__ = "station_visits"
    __table_args__ = (Index("ix_station_visits_rider_id", "rider_id"),)

    station_id: Mapped[UUID] = mapped_column(ForeignKey("stations.id"), primary_key=True)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), primary_key=True)
    visited_on: Mapped[date] = mapped_column(primary_key=True)


class PersonalCode(Base):
    """The short-lived code (小哥码) by which a station's terminal knows a rider; one a rider.

    The newest replaces the one before. It is kept as a keyed digest, and is good once.
    """

    __tablename__ = "personal_codes"

    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), primary_key=True)
    code_digest: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class ReportRisk(Base):
    """What was unusual about who sent a report, when it came; it only asks for a closer look.

    `reasons` are codes of schemas.risks without numbers, so that equal numbers in two
    cases can't tell that one person sent both. `policy` names the rules' version.
    """

    __tablename__ = "report_risks"

    report_id: Mapped[UUID] = mapped_column(ForeignKey("reports.id"), primary_key=True)
    policy: Mapped[str] = mapped_column(String(20))
    score: Mapped[int]
    reasons: Mapped[list[str]]
    assessed_at: Mapped[datetime] = mapped_column(default=now_utc)
