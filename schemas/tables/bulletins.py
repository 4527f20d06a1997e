"""The weekly bulletin: what was published, which nobody can alter, and the drafts before it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from schemas.database import Base, new_id, now_utc


class BulletinIssue(Base):
    """One published issue or revision of a week's bulletin; never altered.

    `document` is the bulletin's canonical JSON (schemas.bulletins.documents), `deltas` that
    of what this revision changed and why, `public_document` the form that anybody may see.
    `sha256` seals all of them together with the hash of the scope's issue before it; the
    n-th of a scope has `sequence` n.
    """

    __tablename__ = "bulletin_issues"
    __table_args__ = (
        UniqueConstraint("scope_code", "sequence"),
        UniqueConstraint("scope_code", "week", "revision"),
        Index("ix_bulletin_issues_week", "week", "scope_code"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    scope_code: Mapped[str] = mapped_column(String(6))
    sequence: Mapped[int]
    week: Mapped[str] = mapped_column(String(8))
    revision: Mapped[int]
    known_at: Mapped[datetime]
    published_at: Mapped[datetime] = mapped_column(default=now_utc)
    signer_id: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    signer_name: Mapped[str] = mapped_column(String(80))
    document: Mapped[str] = mapped_column(Text)
    deltas: Mapped[str] = mapped_column(Text)
    public_document: Mapped[str] = mapped_column(Text)
    previous_sha256: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))


class BulletinDraft(Base):
    """A week's bulletin as it was last counted; recomputed at will, and nothing rests on it.

    `totals` stands beside it for a year's page. At `checked_at` it was looked whether any
    fact had come since `known_at` that the week's figures rest on.
    """

    __tablename__ = "bulletin_drafts"

    scope_code: Mapped[str] = mapped_column(String(6), primary_key=True)
    week: Mapped[str] = mapped_column(String(8), primary_key=True)
    known_at: Mapped[datetime]
    checked_at: Mapped[datetime]
    totals: Mapped[dict[str, Any]]
    document: Mapped[str] = mapped_column(Text)


class ShopFinding(Base):
    """Which shop a verification was about, as it was known when it was made; never altered.

    A shop's name in a case can be filled in later and a shop can be renamed: what was
    found then is kept. `shop_key` is the unified social credit code, else the county's code
    and the plain name.
    """

    __tablename__ = "shop_findings"
    __table_args__ = (
        UniqueConstraint("case_id", "version"),
        Index("ix_shop_findings_shop_key", "shop_key", "occurred_at"),
        Index("ix_shop_findings_occurred_at", "occurred_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.id"))
    version: Mapped[int]
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("units.id"))
    shop_key: Mapped[str] = mapped_column(String(120))
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]


class BulletinSubscriber(Base):
    """Who is sent each issue of an area's bulletin: a mailbox or a program's address.

    `channel` is mail or webhook. The address is sealed. An `is_internal` one gets the whole
    bulletin, any other the form that anybody may see.
    """

    __tablename__ = "bulletin_subscribers"
    __table_args__ = (Index("ix_bulletin_subscribers_scope", "scope_code"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    scope_code: Mapped[str] = mapped_column(String(6))
    channel: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(80))
    sealed_address: Mapped[bytes] = mapped_column(LargeBinary)
    is_internal: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("staff.id"))
    ended_at: Mapped[datetime | None]


class BulletinDelivery(Base):
    """One issue on its way to one subscriber: there is never a second.

    `id` is the same on every attempt. `due_at` is empty once it is over; `outcome` is then
    sent, gone or failed. `last_error` is a short code.
    """

    __tablename__ = "bulletin_deliveries"
    __table_args__ = (
        UniqueConstraint("subscriber_id", "issue_id"),
        Index("ix_bulletin_deliveries_due", "due_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey("bulletin_subscribers.id"))
    issue_id: Mapped[UUID] = mapped_column(ForeignKey("bulletin_issues.id"))
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=now_utc)
    due_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(8))
    last_error: Mapped[str | None] = mapped_column(String(40))
    ended_at: Mapped[datetime | None]
