"""Riders and the tokens they carry; who they are is sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Rider(Base):
    """A registered rider.

    `sealed_profile` holds name, phone, platform, station and employee number,
    readable with SECRET_KEYS only; `phone_digest` finds a phone without reading it.
    Of an erased rider nothing is left but `tombstone`: SHA-256 of the sealed bytes as
    they were last, which tells nothing of the person and can be compared with a copy.
    """

    __tablename__ = "riders"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sealed_profile: Mapped[bytes] = mapped_column(LargeBinary)
    phone_digest: Mapped[str] = mapped_column(String(64), unique=True)
    is_supervisor: Mapped[bool] = mapped_column(default=False)
    registered_at: Mapped[datetime] = mapped_column(default=now_utc)
    erased_at: Mapped[datetime | None]
    tombstone: Mapped[str | None] = mapped_column(String(64))


class RiderToken(Base):
    """A bearer token of a rider's phone, kept as a hash, revocable."""

    __tablename__ = "rider_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    revoked_at: Mapped[datetime | None]
