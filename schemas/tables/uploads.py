"""Uploads: photos on their way from a phone, before a report uses them (tus 1.0.0)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class Upload(Base):
    """One photo on its way; its bytes lie in the staging directory under `id`.

    Of the capability in its address only the hash is kept. `offset_bytes` is how many
    bytes are durable: what the file holds beyond them was never acknowledged.
    `length_bytes` is empty while the phone has not said it. `turn` names the connection
    that may write now. Once `used_at` is set the row only tells a repeated request what
    it stood for, by `sha256`. `cleared_at`: when the bytes were given up for removal.
    """

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_sweep", "cleared_at", "expires_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    rider_id: Mapped[UUID | None] = mapped_column(ForeignKey("riders.id"), index=True)
    address_digest: Mapped[str] = mapped_column(String(64), index=True)
    sealed_metadata: Mapped[bytes] = mapped_column(LargeBinary)
    length_bytes: Mapped[int | None] = mapped_column(BigInteger)
    offset_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    turn: Mapped[UUID | None]
    sha256: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    cleared_at: Mapped[datetime | None]
