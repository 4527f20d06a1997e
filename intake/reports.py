"""Reports: submit(), supplement(), withdraw(), and whose they are.

A tip is one transaction: report, photos, claims, progress, audit and the answer to its
Idempotency-Key stand together or not at all. Photos are durable in the store before it
begins; the queue hears of it after it is committed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.answers import Answer, Reporter, claim_key, digest_of, winning_answer
from intake.campaigns.visiting import finish_by_tip
from intake.inserting import insert_if_new, insert_rows
from schemas import audit
from schemas.database import new_id
from schemas.errors import NotFound, SuishoupaiError
from schemas.masks import Mask, to_row
from schemas.numbers import (
    REPORT_PREFIX,
    new_number,
    new_receipt_code,
    read_number,
    read_receipt_code,
)
from schemas.places import Datum, to_wgs84
from schemas.sealing import Sealer, token_hash
from schemas.tables import (
    Claim,
    Photo,
    Report,
    ReportProgress,
    Supplement,
    Withdrawal,
)
from schemas.words import Words

NUMBER_ATTEMPTS = 10


@dataclass(frozen=True)
class KeptPhoto:
    """A photo that lies in the store, as the gate found it."""

    sha256: str
    size_bytes: int
    content_type: str
    width: int
    height: int


@dataclass(frozen=True)
class ClaimedPlace:
    """A place as it was sent, in degrees of `datum`."""

    latitude: float
    longitude: float
    datum: Datum
    accuracy_m: float | None = None


@dataclass(frozen=True)
class Tip:
    """What the sender says, apart from the photos; `masks` is empty or has one for each.

    `task` is a campaign's, of which the tip came.
    """

    categories: tuple[str, ...]
    description: str = ""
    premises_name: str = ""
    premises_address: str = ""
    platform: str = ""
    device_place: ClaimedPlace | None = None
    pin: ClaimedPlace | None = None
    captured_at: datetime | None = None
    masks: tuple[Mask, ...] = ()
    task: UUID | None = None


def submit(
    session: Session,
    *,
    sealer: Sealer,
    reporter: Reporter,
    key: UUID,
    tip: Tip,
    photos: Sequence[KeptPhoto],
    now: datetime,
    keeps_device_place: bool = True,
    sent_at: datetime | None = None,
) -> Answer:
    """Take one tip, or give the answer that stands for its Idempotency-Key.

    `now` is the moment of receipt, `sent_at` what the device's clock said while it sent:
    another one in a repeat changes nothing. A device's place that may not be kept is left out of
    the claims; it still counts for whether a repeat is the same. Of several equal requests
    at the same moment the database lets one through; the others wait for it and get its
    answer. Raises Conflict `idempotency-key-reused` when the key stands for other content.
    """
    digest = tip_digest(tip, _sums(photos))
    savepoint = session.connection().begin_nested()
    answer = _insert_report(session, reporter, tip, photos, now)
    if claim_key(session, sealer, reporter, key, digest, answer, answer.subject_id):
        kept = tip if keeps_device_place else replace(tip, device_place=None)
        _insert_details(session, reporter, kept, photos, answer, sent_at)
        if tip.task:
            finish_by_tip(
                session,
                task_id=tip.task,
                rider_id=reporter.rider_id,
                report_id=answer.subject_id,
                now=now,
            )
        savepoint.commit()
        return answer
    # Somebody with the same key was first and has committed by now: nothing of this
    # one may stay, and theirs is what we answer.
    savepoint.rollback()
    return winning_answer(session, sealer, reporter, key, digest)


def supplement(
    session: Session,
    *,
    sealer: Sealer,
    reporter: Reporter,
    key: UUID,
    report: Report,
    description: str,
    photos: Sequence[KeptPhoto],
    now: datetime,
    masks: Sequence[Mask] = (),
) -> Answer:
    """Add a text or photos to a report, or give the answer that stands for the key.

    The report itself is never edited; `masks` is empty or has one for each photo.
    Raises Conflict `idempotency-key-reused`.
    """
    digest = supplement_digest(report.number, description, _sums(photos), masks)
    addition = Supplement(
        id=new_id(), report_id=report.id, description=description, received_at=now
    )
    answer = Answer(
        subject_id=addition.id,
        number=report.number,
        receipt_code="",
        received_at=now,
        photo_sha256=_sums(photos),
    )
    if not claim_key(session, sealer, reporter, key, digest, answer, report.id):
        return winning_answer(session, sealer, reporter, key, digest)
    session.add(addition)
    session.flush()
    taken = session.scalar(select(func.count()).where(Photo.report_id == report.id)) or 0
    rows = _photo_rows(
        photos,
        report_id=report.id,
        first=taken,
        now=now,
        supplement_id=addition.id,
        masks=masks,
    )
    insert_rows(session, Photo, rows)
    audit.record(
        session,
        actor=reporter.actor,
        action="report.supplemented",
        subject=("report", report.id),
        after={"supplement": str(addition.id), "photos": list(answer.photo_sha256)},
    )
    return answer


def withdraw(
    session: Session, *, reporter: Reporter, report: Report, reason: str, now: datetime
) -> Withdrawal:
    """Take a report back; a second time changes nothing and returns the first withdrawal.

    The case may go on, since the hazard may be real.
    """
    row = {"report_id": report.id, "reason": reason, "withdrawn_at": now}
    if insert_if_new(session, Withdrawal, [row], conflict=("report_id",)):
        audit.record(
            session,
            actor=reporter.actor,
            action="report.withdrawn",
            subject=("report", report.id),
        )
    return session.get_one(Withdrawal, report.id)


def find_report(
    session: Session, *, number: str, rider_id: UUID | None, receipt_code: str | None
) -> Report:
    """Return the report if it is this rider's or the receipt code is its own.

    Raises NotFound `report-not-found`, which does not say what was wrong: nobody may
    learn by asking whether a number exists.
    """
    try:
        canonical = read_number(REPORT_PREFIX, number)
    except SuishoupaiError:
        raise _not_found() from None
    report = session.scalars(select(Report).where(Report.number == canonical)).one_or_none()
    if report is None:
        raise _not_found()
    if rider_id is not None and report.rider_id == rider_id:
        return report
    if receipt_code and report.receipt_hash == token_hash(read_receipt_code(receipt_code)):
        return report
    raise _not_found()


def tip_digest(tip: Tip, photo_sha256: Sequence[str]) -> str:
    """Return SHA-256 (hex) over what was said and the photos' sums in their order."""
    said = asdict(tip)
    # A phone that repeats what it sent before there were masks must be known again.
    if not tip.masks:
        del said["masks"]
    if tip.task is None:
        del said["task"]
    return digest_of(["report", said, list(photo_sha256)])


def supplement_digest(
    number: str, description: str, photo_sha256: Sequence[str], masks: Sequence[Mask] = ()
) -> str:
    """Return SHA-256 (hex) over an addition, its report's number included."""
    said: list[Any] = ["supplement", number, description, list(photo_sha256)]
    # As for a report: a repeat from before there were masks is known again.
    if masks:
        said.append([to_row(mask) for mask in masks])
    return digest_of(said)


def _sums(photos: Sequence[KeptPhoto]) -> tuple[str, ...]:
    return tuple(photo.sha256 for photo in photos)


def _insert_report(
    session: Session,
    reporter: Reporter,
    tip: Tip,
    photos: Sequence[KeptPhoto],
    now: datetime,
) -> Answer:
    """Insert the report under a free number and return what its sender is to be told."""
    report_id, receipt_code = new_id(), new_receipt_code()
    row = {
        "id": report_id,
        "receipt_hash": token_hash(receipt_code),
        "rider_id": reporter.rider_id,
        "categories": list(tip.categories),
        "description": tip.description,
        "premises_name": tip.premises_name,
        "premises_address": tip.premises_address,
        "platform": tip.platform,
        "received_at": now,
    }
    for _ in range(NUMBER_ATTEMPTS):
        # Ten thousand tips a day draw the same number twice on every twentieth day.
        number = new_number(REPORT_PREFIX, now)
        if insert_if_new(session, Report, [row | {"number": number}], conflict=("number",)):
            return Answer(report_id, number, receipt_code, now, _sums(photos))
    raise LookupError("no free report number was drawn")


def _insert_details(
    session: Session,
    reporter: Reporter,
    tip: Tip,
    photos: Sequence[KeptPhoto],
    answer: Answer,
    sent_at: datetime | None,
) -> None:
    """Insert what belongs to a new report: photos, claims, progress, the audit entry."""
    report_id, now = answer.subject_id, answer.received_at
    rows = _photo_rows(photos, report_id=report_id, first=0, now=now, masks=tip.masks)
    insert_rows(session, Photo, rows)
    insert_rows(session, Claim, _claims(tip, report_id=report_id, now=now, sent_at=sent_at))
    insert_rows(session, ReportProgress, [{"report_id": report_id}])
    audit.record(
        session,
        actor=reporter.actor,
        action="report.received",
        subject=("report", report_id),
        after={
            "number": answer.number,
            "categories": list(tip.categories),
            "photos": list(answer.photo_sha256),
        },
    )


def _photo_rows(
    photos: Sequence[KeptPhoto],
    *,
    report_id: UUID,
    first: int,
    now: datetime,
    supplement_id: UUID | None = None,
    masks: Sequence[Mask] = (),
) -> list[dict[str, Any]]:
    return [
        {
            "report_id": report_id,
            "supplement_id": supplement_id,
            "position": position,
            "received_at": now,
            "masks": to_row(mask),
            **asdict(photo),
        }
        for position, (photo, mask) in enumerate(
            zip(photos, masks or [()] * len(photos), strict=True), start=first
        )
    ]


def _claims(
    tip: Tip, *, report_id: UUID, now: datetime, sent_at: datetime | None
) -> list[dict[str, Any]]:
    """Return the claims of a tip as rows that all have the same columns."""
    said: list[dict[str, Any]] = [{"kind": "time", "source": "server_receipt", "moment": now}]
    if tip.captured_at:
        said.append({"kind": "time", "source": "device_clock", "moment": tip.captured_at})
    if sent_at:
        said.append({"kind": "time", "source": "sending_clock", "moment": sent_at})
    if tip.device_place:
        said.append(_place_claim("device_gps", tip.device_place))
    if tip.pin:
        said.append(_place_claim("map_pin", tip.pin))
    if tip.premises_address:
        said.append({"kind": "place", "source": "shop_address", "address": tip.premises_address})
    return [{"report_id": report_id} | _NO_CLAIM | claim for claim in said]


_NO_CLAIM: dict[str, Any] = dict.fromkeys(
    (
        *("moment", "address", "datum", "accuracy_m"),
        *("raw_latitude", "raw_longitude", "latitude", "longitude"),
    )
)


def _place_claim(source: str, place: ClaimedPlace) -> dict[str, Any]:
    """Return a place, raw beside converted; it is converted here and nowhere else."""
    point = to_wgs84(place.latitude, place.longitude, place.datum)
    return {
        "kind": "place",
        "source": source,
        "raw_latitude": place.latitude,
        "raw_longitude": place.longitude,
        "datum": place.datum.value,
        "latitude": point.latitude,
        "longitude": point.longitude,
        "accuracy_m": place.accuracy_m,
    }


def _not_found() -> NotFound:
    return NotFound(
        "report-not-found",
        Words(
            "没有找到这条举报：请核对编号和回执码。",
            "There is no such report: check the number and the receipt code.",
        ),
    )
