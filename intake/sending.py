"""The way of a form from the network to durable rows: what the API and the web page share."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog
from flask import request
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

from intake import reports
from intake.answers import Answer, Reporter, key_is_known, winning_answer
from intake.door import Door
from intake.doorway import request_id
from intake.form import (
    PHOTOS,
    ReceivedForm,
    ReceivedPhoto,
    receive_form,
    rules_of,
)
from intake.gate.inspecting import inspect
from intake.identity.consents import may_use_place
from intake.identity.entrance import device_of_request
from intake.reports import ClaimedPlace, KeptPhoto, Tip
from intake.silence import limit_silence
from intake.uploads import using
from schemas.database import now_utc
from schemas.errors import InvalidInput, NotSignedIn, SuishoupaiError, TooMany
from schemas.jobs import PROCESS_REPORT, PROCESS_SUPPLEMENT
from schemas.tables import Report
from schemas.wire.faults import explain
from schemas.wire.reports import ReportForm, SupplementForm
from schemas.words import Words

log = structlog.get_logger()
Form = TypeVar("Form", bound=BaseModel)


def read_key(text: str | None) -> UUID:
    """Return the Idempotency-Key; raises InvalidInput when it is missing or no UUID."""
    if not text:
        raise InvalidInput(
            "idempotency-key-missing",
            Words(
                "缺少 Idempotency-Key：请为每条举报生成一个 UUID，重发时用同一个。",
                "Idempotency-Key is missing: make a UUID for each tip and repeat with the same "
                "one.",
            ),
            field="Idempotency-Key",
        )
    try:
        return UUID(text.strip().strip('"'))
    except ValueError:
        raise InvalidInput(
            "idempotency-key-invalid",
            Words(
                "Idempotency-Key 必须是 UUID，例如 0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d。",
                "Idempotency-Key must be a UUID, such as 0195e2a4-7d3c-7b1a-9c55-2f6f0a1b2c3d.",
            ),
            field="Idempotency-Key",
        ) from None


def require_welcome(door: Door, reporter: Reporter) -> None:
    """Raise NotSignedIn `token-missing` where tips need a rider's token and there is none."""
    if reporter.rider_id is None and not door.settings.anonymous_tips:
        raise NotSignedIn(
            "token-missing",
            Words(
                "这里只接收已登记骑手的举报：请带上骑手凭证。",
                "Only registered riders may report here: send your rider token.",
            ),
            field="Authorization",
        )


def admit(door: Door, *, reporter: Reporter, key: UUID) -> None:
    """Raise TooMany for one new tip too many; a repeat of an answered key always passes.

    Asked before the body is read, so that a flood costs nothing but its head.
    """
    try:
        door.limits.check(reporter, request.remote_addr or "", device_of_request())
    except TooMany:
        with door.database.reading() as session:
            if not key_is_known(session, reporter=reporter, key=key):
                raise


def incoming(door: Door, model: type[BaseModel]) -> AbstractContextManager[ReceivedForm]:
    """Lend the request's form as it came in; its files live as long as the context."""
    limit_silence(request.environ)
    return receive_form(
        request.stream.read,
        content_type=request.content_type or "",
        content_length=request.content_length,
        directory=door.incoming,
        rules=rules_of(model),
    )


def validated(model: type[Form], form: ReceivedForm) -> Form:
    """Return the form as its model; raises InvalidInput naming the first field at fault."""
    repeatable = rules_of(model).repeatable
    values: dict[str, Any] = {
        name: texts if name in repeatable else texts[0] for name, texts in form.texts.items()
    }
    return checked(model, values | {PHOTOS: tuple(form.photos)})


def checked(model: type[Form], values: Mapping[str, Any]) -> Form:
    """Return the values as a model; raises InvalidInput naming the first field at fault."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise explain(error) from None


def take_report(
    door: Door,
    *,
    values: ReportForm,
    reporter: Reporter,
    key: UUID,
    sent_at: datetime | None = None,
) -> Answer:
    """Keep the photos, commit the tip, tell the queue; or give the standing answer again.

    `sent_at` is what the device's clock says while it sends.
    """
    tip, now = tip_of(values), now_utc()
    keeps_place = _may_keep_place(door, reporter=reporter, tip=tip, key=key)
    answer = _answer_once(
        door,
        reporter=reporter,
        key=key,
        values=values,
        digest=lambda sums: reports.tip_digest(tip, sums),
        write=lambda session, photos: reports.submit(
            session,
            sealer=door.sealer,
            reporter=reporter,
            key=key,
            tip=tip,
            photos=photos,
            now=now,
            keeps_device_place=keeps_place,
            sent_at=sent_at,
        ),
    )
    if answer.is_new:
        door.metrics.accepted.inc()
        log.info("tip_accepted", number=answer.number, photos=len(answer.photo_sha256))
        door.queue.put(PROCESS_REPORT, answer.subject_id, request_id=request_id() or "")
    return answer


def _may_keep_place(door: Door, *, reporter: Reporter, tip: Tip, key: UUID) -> bool:
    """Whether the device's place may be kept; the rider's consent says.

    Raises InvalidInput `location-consent-missing` where a tip would then have no place at
    all, unless it was taken before: a repeat gets its answer whatever was withdrawn since.
    """
    if reporter.rider_id is None or tip.device_place is None:
        return True
    with door.database.reading() as session:
        if may_use_place(session, rider_id=reporter.rider_id, by_browser=reporter.by_browser):
            return True
        if tip.pin or tip.premises_address or key_is_known(session, reporter=reporter, key=key):
            return False
    raise InvalidInput(
        "location-consent-missing",
        Words(
            "您没有同意使用手机定位：请在地图上标出位置或写店铺地址，或在“我的”里同意。",
            "You have not agreed to the use of the phone's place: point at the map, write the "
            "shop's address, or agree under «My account».",
        ),
        field="latitude",
    )


def take_supplement(
    door: Door, *, values: SupplementForm, report: Report, reporter: Reporter, key: UUID
) -> Answer:
    """Keep the photos, commit the addition, tell the queue; or give the standing answer again."""
    now = now_utc()
    answer = _answer_once(
        door,
        reporter=reporter,
        key=key,
        values=values,
        digest=lambda sums: reports.supplement_digest(
            report.number, values.description, sums, values.masks
        ),
        write=lambda session, photos: reports.supplement(
            session,
            sealer=door.sealer,
            reporter=reporter,
            key=key,
            report=report,
            description=values.description,
            photos=photos,
            masks=values.masks,
            now=now,
        ),
    )
    if answer.is_new:
        log.info("supplement_accepted", number=answer.number, photos=len(answer.photo_sha256))
        door.queue.put(PROCESS_SUPPLEMENT, answer.subject_id, request_id=request_id() or "")
    return answer


def _answer_once(
    door: Door,
    *,
    reporter: Reporter,
    key: UUID,
    values: ReportForm | SupplementForm,
    digest: Callable[[Sequence[str]], str],
    write: Callable[[Session, Sequence[KeptPhoto]], Answer],
) -> Answer:
    """Make the photos durable, then the rows; for a repeat both find what is there.

    The queue is told afterwards by the caller; when it is away, the sweeper finds the rows.
    """
    found = using.find_named(door, addresses=values.photo_uploads, reporter=reporter)
    if found.are_used:
        return _standing_answer(door, reporter=reporter, key=key, found=found, digest=digest)
    files = values.photos or using.lend(door, found)
    photos = _inspected(files)
    # Before the transaction: no lock may wait for a disk or for another machine.
    for file in files:
        door.store.put_original(file.path, file.sha256)

    def commit(session: Session) -> Answer:
        answer = write(session, photos)
        if answer.is_new:
            using.use(session, found=found, photo_sha256=answer.photo_sha256)
        return answer

    answer = door.commit(commit)
    if answer.is_new:
        door.limits.count(reporter, request.remote_addr or "", device_of_request())
    return answer


def _standing_answer(
    door: Door,
    *,
    reporter: Reporter,
    key: UUID,
    found: using.Found,
    digest: Callable[[Sequence[str]], str],
) -> Answer:
    """Return what was answered when these uploads were used; raises NotFound `upload-used`."""
    with door.database.reading() as session:
        if not key_is_known(session, reporter=reporter, key=key):
            raise found.used_refusal()
        return winning_answer(session, door.sealer, reporter, key, digest(found.sums))


def tip_of(values: ReportForm) -> Tip:
    """Return what the form says, in the shape that the core works with."""
    return Tip(
        categories=tuple(values.category),
        description=values.description,
        premises_name=values.premises_name,
        premises_address=values.premises_address,
        platform=values.platform,
        device_place=_place(values, values.latitude, values.longitude, values.accuracy_m),
        pin=_place(values, values.pin_latitude, values.pin_longitude, None),
        captured_at=values.captured_at,
        masks=values.masks,
        task=values.task,
    )


def _place(
    values: ReportForm, latitude: float | None, longitude: float | None, accuracy_m: float | None
) -> ClaimedPlace | None:
    if latitude is None or longitude is None:
        return None
    return ClaimedPlace(latitude, longitude, values.datum, accuracy_m)


def _inspected(photos: Sequence[ReceivedPhoto]) -> list[KeptPhoto]:
    return [_pass_gate(photo, place, len(photos)) for place, photo in enumerate(photos, start=1)]


def _pass_gate(photo: ReceivedPhoto, place: int, photos: int) -> KeptPhoto:
    try:
        facts = inspect(photo.path, declared=photo.declared)
    except SuishoupaiError as error:
        if photos > 1:
            # Of several photos the rider must know which one to take again.
            error.words = Words(
                f"第 {place} 张照片：{error.words.zh}", f"Photo {place}: {error.words.en}"
            )
        error.facts["photo"] = place
        raise
    return KeptPhoto(
        sha256=photo.sha256,
        size_bytes=photo.size_bytes,
        content_type=facts.content_type,
        width=facts.width,
        height=facts.height,
    )
