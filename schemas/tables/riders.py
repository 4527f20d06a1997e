"""Riders, the tokens they carry and the codes they sign in with; who they are is sealed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Rider(Base):
    """A registered rider.

    `sealed_profile` holds name, phone, platform, station and employee number,
    readable with SECRET_KEYS only; `phone_digest` finds a phone without reading it.
    `verification` says how sure we are: unverified (a phone that got its code), listed (on
    a platform's list), verified (the operator has seen who it is).
    Of an erased rider nothing is left but `tombstone`: SHA-256 of the sealed bytes as
    they were last, which tells nothing of the person and can be compared with a copy.
    """

    __tablename__ = "riders"
    __table_args__ = (
        CheckConstraint(
            "verification in ('unverified', 'listed', 'verified')", name="verification_known"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sealed_profile: Mapped[bytes] = mapped_column(LargeBinary)
    phone_digest: Mapped[str] = mapped_column(String(64), unique=True)
    is_supervisor: Mapped[bool] = mapped_column(default=False)
    verification: Mapped[str] = mapped_column(String(10), default="listed", server_default="listed")
    registered_at: Mapped[datetime] = mapped_column(default=now_utc)
    erased_at: Mapped[datetime | None]
    tombstone: Mapped[str | None] = mapped_column(String(64))


class RiderToken(Base):
    """What a rider's phone or program carries to be known, kept as a hash, revocable.

    `kind` bearer: a token handed out at the station; browser: a session's cookie, begun
    with a one-time code. `device` is what a person calls it, such as «Chrome · Android».
    `last_used_on` is a local day: more would tell when a rider works. A token without
    `expires_at` stands until it is revoked.
    """

    __tablename__ = "rider_tokens"
    __table_args__ = (CheckConstraint("kind in ('bearer', 'browser')", name="kind_known"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    rider_id: Mapped[UUID] = mapped_column(ForeignKey("riders.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(8), default="bearer", server_default="bearer")
    device: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    last_used_on: Mapped[date | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInCode(Base):
    """A one-time code that was asked for a phone, registered or not; swept after a day.

    The row of a phone that nobody is registered with is the same, so that neither an
    answer nor its time tells. `code_digest` is keyed, since six digits are soon tried.
    `sealed_message` holds what the operator's console shows while the code is good, and
    is empty where a gateway sends the code.
    """

    __tablename__ = "sign_in_codes"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    phone_digest: Mapped[str] = mapped_column(String(64), index=True)
    code_digest: Mapped[str] = mapped_column(String(64))
    attempts: Mapped[int] = mapped_column(default=0)
    asked_at: Mapped[datetime] = mapped_column(default=now_utc, index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    sealed_message: Mapped[bytes | None] = mapped_column(LargeBinary)
