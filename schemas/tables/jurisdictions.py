"""Units that handle cases, and the official areas that an operator loaded."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Unit(Base):
    """A unit of one department for one division (承办机构).

    `division_code` is GB/T 2260 (6 digits; 12 for a street), `000000` for the nation.
    `path` lists the ids from the root down to this unit, as `/id/id/`, so that a
    unit's whole tree is one prefix. A station acts in the name of `issuing_unit_id`
    (Order 121 art. 30: handling unit and issuing authority differ).
    """

    __tablename__ = "units"
    __table_args__ = (
        UniqueConstraint("department", "division_code"),
        # text_pattern_ops lets a prefix search use the index in any collation.
        Index("ix_units_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    department: Mapped[str] = mapped_column(String(12))
    division_code: Mapped[str] = mapped_column(String(12), index=True)
    level: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(120))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    issuing_unit_id: Mapped[UUID | None] = mapped_column(ForeignKey("units.id"))
    path: Mapped[str] = mapped_column(String(400))


class Jurisdiction(Base):
    """An official polygon, loaded by the operator; it wins over the package's boundary.

    `geometry` is WKB in WGS-84 degrees; valid from `valid_from` up to and without `valid_to`.
    """

    __tablename__ = "jurisdictions"
    __table_args__ = (Index("ix_jurisdictions_code", "code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    code: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(120))
    level: Mapped[str] = mapped_column(String(10))
    version: Mapped[str] = mapped_column(String(120))
    geometry: Mapped[bytes] = mapped_column(LargeBinary)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    loaded_at: Mapped[datetime] = mapped_column(default=now_utc)
