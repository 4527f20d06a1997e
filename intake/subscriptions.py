"""Who wants to be woken and how: browsers (Web Push) and the operator's messenger gateway."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from schemas import audit
from schemas.database import new_id
from schemas.errors import InvalidInput, NotFound
from schemas.lifecycle import OPEN_STATES
from schemas.sealing import Sealer, new_token, token_hash
from schemas.settings import Settings
from schemas.tables import (
    Case,
    CaseHistory,
    CaseReport,
    Delivery,
    MessengerLink,
    PushSubscription,
    Report,
    Withdrawal,
)
from schemas.vapid import from_base64url
from schemas.words import Words

# A rider has a phone or two; each browser and each web view on it is one.
MOST_PER_OWNER = 10
RECIPIENT_PREFIX = "to"
# After the last word a reporter may still be told of a case that is taken up again.
QUIET_FOR = timedelta(days=30)
# No report is news for longer, whatever became of it; the app stops asking then, too.
MOST_KEPT = timedelta(days=400)
SENT, GONE, FAILED = "sent", "gone", "failed"
# What every program reads as the same address: a label has 63 characters at most (RFC 1035).
_ADDRESS = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,63}")


@dataclass(frozen=True)
class PushKeys:
    """Where a browser is reached, and the keys by which only it reads (RFC 8291)."""

    endpoint: str
    p256dh: bytes
    auth: bytes


def read_subscription(
    *, endpoint: str, p256dh: str, auth: str, settings: Settings
) -> dict[str, str]:
    """Return a subscription as it is kept; raises InvalidInput for one that can't be used.

    `push-endpoint-unknown` where the address is of no push service that the operator
    names: this program calls no address that a stranger chose. `push-keys-invalid` for
    keys that are none.
    """
    if not is_push_service(endpoint, settings):
        raise InvalidInput(
            "push-endpoint-unknown",
            Words(
                "这个浏览器用的推送服务没有接入，请在“消息”里看通知。",
                "The push service of this browser is not among those in use here: read notices "
                "in the app.",
            ),
            field="endpoint",
        )
    kept = {"endpoint": endpoint, "p256dh": p256dh, "auth": auth}
    try:
        opened_keys(kept)
    except ValueError:
        raise InvalidInput(
            "push-keys-invalid",
            Words(
                "推送密钥不对，请重新打开通知。",
                "These push keys can't be right: subscribe again.",
            ),
            field="keys",
        ) from None
    return kept


def opened_keys(kept: Mapping[str, str]) -> PushKeys:
    """Return a kept subscription's address and keys; raises ValueError where they are none."""
    point = from_base64url(kept["p256dh"], length=65)
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return PushKeys(kept["endpoint"], point, from_base64url(kept["auth"], length=16))


def is_push_service(endpoint: str, settings: Settings) -> bool:
    """Whether an address is of a push service that the operator named, over TLS.

    Without TLS only a server on this machine is, and only where it is named.
    """
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if parts.username or parts.password or not _ADDRESS.fullmatch(endpoint):
        return False
    if parts.scheme == "http" and host == "127.0.0.1":
        return f"{host}:{port}" in settings.push_hosts
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and _HOST.fullmatch(host) is not None
        and any(
            host == each or (each.startswith("*.") and host.endswith(each[1:]))
            for each in settings.push_hosts
        )
    )


def subscribe(
    session: Session, *, sealer: Sealer, owner_id: UUID, kept: Mapping[str, str], now: datetime
) -> UUID:
    """Keep a browser's subscription for a rider or a report and return its id.

    The same address again renews its keys. Beyond MOST_PER_OWNER the oldest is let go.
    """
    row = {
        "id": new_id(),
        "owner_id": owner_id,
        "endpoint_hash": token_hash(kept["endpoint"]),
        "sealed_subscription": sealer.seal(dict(kept)),
        "created_at": now,
    }
    insert_if_new(session, PushSubscription, [row], conflict=("owner_id", "endpoint_hash"))
    owned = session.scalars(
        select(PushSubscription)
        .where(PushSubscription.owner_id == owner_id)
        .order_by(PushSubscription.id.desc())
    ).all()
    found = next(each for each in owned if each.endpoint_hash == row["endpoint_hash"])
    found.sealed_subscription = sealer.seal(dict(kept))
    for each in owned[MOST_PER_OWNER:]:
        if each is not found:
            let_go(session, subscription_id=each.id, now=now)
    session.flush()
    return found.id


def unsubscribe(session: Session, *, owner_id: UUID, subscription_id: UUID, now: datetime) -> None:
    """End a browser's subscription; raises NotFound `subscription-unknown` for another's."""
    row = session.get(PushSubscription, subscription_id)
    if row is None or row.owner_id != owner_id:
        raise NotFound(
            "subscription-unknown",
            Words("没有这个通知订阅。", "There is no such subscription."),
        )
    let_go(session, subscription_id=row.id, now=now)


def let_go(session: Session, *, subscription_id: UUID, now: datetime) -> None:
    """Remove a subscription and give up what was on its way to it."""
    _give_up(session, subscription_id, now)
    session.execute(delete(PushSubscription).where(PushSubscription.id == subscription_id))


def link_messenger(session: Session, *, sealer: Sealer, rider_id: UUID, now: datetime) -> str:
    """Opt a rider in to the messenger gateway and return the token it is to know them by.

    The rider shows it to the operator's messenger account, which keeps it beside its own
    name for the rider; here nothing of the messenger is ever learnt. A new token takes the
    place of the last one.
    """
    unlink_messenger(session, rider_id=rider_id, now=now)
    recipient = new_token(RECIPIENT_PREFIX)
    session.add(
        MessengerLink(rider_id=rider_id, sealed_recipient=sealer.seal(recipient), created_at=now)
    )
    audit.record(
        session,
        actor=audit.Actor("rider", rider_id),
        action="rider.messenger_linked",
        subject=("rider", rider_id),
    )
    session.flush()
    return recipient


def unlink_messenger(session: Session, *, rider_id: UUID, now: datetime) -> bool:
    """End a rider's opt-in; what was on its way is given up. Return whether there was one."""
    link = session.get(MessengerLink, rider_id)
    if link is None:
        return False
    _give_up(session, rider_id, now)
    session.delete(link)
    audit.record(
        session,
        actor=audit.Actor("rider", rider_id),
        action="rider.messenger_unlinked",
        subject=("rider", rider_id),
    )
    session.flush()
    return True


def forget_rider(session: Session, *, rider_id: UUID, now: datetime) -> None:
    """Remove every way of reaching a rider whose data is erased.

    A browser that asked for the news of one report of theirs is one of them: its address
    would still lead to the phone.
    """
    reports = select(Report.id).where(Report.rider_id == rider_id)
    owned = select(PushSubscription.id).where(
        (PushSubscription.owner_id == rider_id) | PushSubscription.owner_id.in_(reports)
    )
    for subscription_id in session.scalars(owned).all():
        let_go(session, subscription_id=subscription_id, now=now)
    _give_up(session, rider_id, now)
    session.execute(delete(MessengerLink).where(MessengerLink.rider_id == rider_id))


def sweep_subscriptions(session: Session, *, now: datetime) -> int:
    """Remove the browsers that wait for news of a report that has none; return how many.

    A report has no more news once it is withdrawn, once each of its cases has been over
    for QUIET_FOR, and when MOST_KEPT has passed. A rider's own browsers go with the rider.
    """
    still_moves = (
        select(CaseReport.id)
        .join(Case, Case.id == CaseReport.case_id)
        .where(
            CaseReport.report_id == Report.id,
            CaseReport.unlinked_at.is_(None),
            or_(
                Case.state.in_([state.value for state in OPEN_STATES]),
                select(CaseHistory.id)
                .where(CaseHistory.case_id == Case.id, CaseHistory.recorded_at > now - QUIET_FOR)
                .exists(),
            ),
        )
    )
    withdrawn = select(Withdrawal.report_id).where(Withdrawal.report_id == Report.id)
    over = session.scalars(
        select(PushSubscription.id)
        .join(Report, Report.id == PushSubscription.owner_id)
        .where(
            or_(
                withdrawn.exists(),
                Report.received_at < now - MOST_KEPT,
                (Report.received_at < now - QUIET_FOR) & ~still_moves.exists(),
            )
        )
    ).all()
    for subscription_id in over:
        let_go(session, subscription_id=subscription_id, now=now)
    return len(over)


def _give_up(session: Session, target_id: UUID, now: datetime) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.target_id == target_id, Delivery.due_at.is_not(None))
        .values(due_at=None, outcome=GONE, ended_at=now)
    )
