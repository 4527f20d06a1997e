"""The ledger itself: accounts, entries that are posted once, and balances, which are sums.

Nothing here decides who earns. An entry moves points between two accounts and is never
altered; what was wrong is put right by an entry the other way.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas import audit
from schemas.database import new_id
from schemas.numbers import ALPHABET
from schemas.points import SYSTEM_ACCOUNTS, WAYS, AccountKind, EntryKind
from schemas.tables import PointAccount, PointEntry

_AWARDS_LOCK = 0x50_4F_49_4E


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Points to move: what for (`key`), which way, and who moves them why."""

    key: str
    kind: EntryKind
    rider_id: UUID
    source: AccountKind
    target: AccountKind
    points: int
    actor: audit.Actor
    now: datetime
    award_id: UUID | None = None
    redemption_id: UUID | None = None
    reason_code: str | None = None
    reason: str = ""


def lock_awards(session: Session) -> None:
    """Let one transaction at a time decide who earns; SQLite's write lock does so anyway.

    Taken after the lock of a case and never before it, so that two can't wait for one
    another. Whoever gets it next sees all that was committed before.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _AWARDS_LOCK})


def post(session: Session, posting: Posting) -> bool:
    """Write the entry and say whether it is new: the same key is posted once, for ever.

    Raises ValueError for points or a way that the table of kinds does not have.
    """
    if posting.points <= 0 or (posting.source, posting.target) not in WAYS[posting.kind]:
        raise ValueError(f"no entry {posting.kind} of {posting.points} points goes this way")
    accounts = open_accounts(session, rider_id=posting.rider_id)
    row = {
        "id": new_id(),
        "key": posting.key,
        "kind": posting.kind.value,
        "from_account_id": accounts[posting.source],
        "to_account_id": accounts[posting.target],
        "points": posting.points,
        "award_id": posting.award_id,
        "redemption_id": posting.redemption_id,
        "reason_code": posting.reason_code,
        "reason": posting.reason,
        "actor_kind": posting.actor.kind,
        "actor_id": posting.actor.id,
        "posted_at": posting.now,
    }
    return bool(insert_if_new(session, PointEntry, [row], conflict=("key",)))


def open_accounts(session: Session, *, rider_id: UUID) -> Mapping[AccountKind, UUID]:
    """Return every account that an entry of a rider can touch, theirs opened where needed."""
    found = _accounts(session, rider_id)
    if len(found) < 2:
        rows = [
            {
                "id": new_id(),
                "kind": kind.value,
                "rider_id": rider_id,
                "pseudonym": _free_pseudonym(session) if kind is AccountKind.RIDER else None,
            }
            for kind in (AccountKind.RIDER, AccountKind.PENDING)
        ]
        insert_if_new(session, PointAccount, rows, conflict=("rider_id", "kind"))
        found = _accounts(session, rider_id)
    return SYSTEM_ACCOUNTS | found


def pseudonym_of(session: Session, *, rider_id: UUID) -> str | None:
    """Return what officers call a rider; None for one without an account."""
    return session.scalars(
        select(PointAccount.pseudonym).where(
            PointAccount.rider_id == rider_id, PointAccount.kind == AccountKind.RIDER.value
        )
    ).one_or_none()


def balance_of(session: Session, *, rider_id: UUID, kind: AccountKind = AccountKind.RIDER) -> int:
    """Return what a rider's account holds: what came in less what went out.

    It can be below zero after points that were spent already had to be reversed; what
    is earned next pays for that first.
    """
    account_id = _accounts(session, rider_id).get(kind)
    return account_balance(session, account_id=account_id) if account_id else 0


def account_balance(session: Session, *, account_id: UUID) -> int:
    """Return the sum of an account's entries."""
    into, out = (
        session.execute(
            select(func.coalesce(func.sum(PointEntry.points), 0)).where(column == account_id)
        ).scalar_one()
        for column in (PointEntry.to_account_id, PointEntry.from_account_id)
    )
    return int(into - out)


def lock_account(session: Session, *, rider_id: UUID) -> UUID:
    """Lock a rider's account until the transaction ends, so that nothing is spent twice."""
    account_id = open_accounts(session, rider_id=rider_id)[AccountKind.RIDER]
    session.execute(select(PointAccount.id).where(PointAccount.id == account_id).with_for_update())
    return account_id


def _accounts(session: Session, rider_id: UUID) -> dict[AccountKind, UUID]:
    rows = session.execute(
        select(PointAccount.kind, PointAccount.id).where(PointAccount.rider_id == rider_id)
    )
    return {AccountKind(kind): account_id for kind, account_id in rows}


def _free_pseudonym(session: Session) -> str:
    """Return a name nobody has; of a thousand thousand million, two never meet by chance."""
    while True:
        body = "".join(secrets.choice(ALPHABET) for _ in range(8))
        drawn = f"{body[:4]}-{body[4:]}"
        if not session.scalar(select(PointAccount.id).where(PointAccount.pseudonym == drawn)):
            return drawn
