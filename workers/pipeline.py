"""How a tip travels: examine → match → route.

Every step is one transaction that looks first whether the step was done, so that any
of them may die anywhere and be run again. Photos are decoded and derivatives stored
outside the transactions: the database is held for milliseconds only.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from intake.inserting import insert_rows
from schemas.database import is_transient, now_utc
from schemas.errors import NotFound, SuishoupaiError, Unavailable
from schemas.jobs import PROCESS_REPORT
from schemas.masks import from_row
from schemas.routing_lock import lock_routing
from schemas.tables import (
    Photo,
    PhotoExamination,
    Report,
    ReportProgress,
    ReportStep,
    Supplement,
)
from schemas.workdays import local_date
from workers.claims import load_places
from workers.closely.features import STORED_AS
from workers.examine import Examination, examine_photos
from workers.findings import NOT_EXAMINED, give_up_on, store_examination, verified
from workers.machine import Machine
from workers.opening import flag_cases
from workers.resembling import Alike, keep, look
from workers.route import Place, locate
from workers.settling import settle

log = structlog.get_logger()
T = TypeVar("T")

OUTAGE_PAUSE = timedelta(seconds=20)
MISSING_IS_OUTAGE = timedelta(hours=1)


def _sent(what: Select[T], *, with_report: bool) -> Select[T]:
    """Return `what` of the photos that came with the report itself, or with one supplement."""
    own = Photo.supplement_id.is_(None)
    sent = own if with_report else Photo.supplement_id == bindparam("supplement_id")
    return what.where(Photo.report_id == bindparam("report_id"), sent).order_by(Photo.position)


# Made once: for each tip anew, making them took longer than their answers.
_PHOTO_IDS = {way: _sent(select(Photo.id), with_report=way) for way in (True, False)}
_UNEXAMINED = {
    way: _sent(
        select(Photo)
        .outerjoin(PhotoExamination, PhotoExamination.photo_id == Photo.id)
        .where(
            or_(
                PhotoExamination.photo_id.is_(None),
                PhotoExamination.unreadable_reason == NOT_EXAMINED,
            )
        ),
        with_report=way,
    )
    for way in (True, False)
}


def process(report_id: UUID, *, machine: Machine) -> None:
    """Take one report through the steps that it still needs; a finished one returns at once.

    Raises whatever a step raised, after noting it; the sweeper comes back to it.
    """
    progress = _begin(report_id, machine)
    if progress is None:
        return
    try:
        if progress.examined_at is None:
            examine(report_id, machine)
        if progress.matched_at is None:
            match(report_id, machine)
        route(report_id, machine)
    except Exception as error:
        _note_failure(report_id, machine, error)
        raise


def examine(report_id: UUID, machine: Machine) -> None:
    """Decode every photo of the report and store what was found, with its search keys."""
    started = time.monotonic()
    with machine.database.reading() as session:
        photos = _unexamined(session, report_id=report_id, supplement_id=None)
    found = _look_at(photos, machine)
    with _step(machine, report_id, "examined_at", started) as step:
        if step:
            for photo, examination in zip(photos, found, strict=True):
                store_examination(step.session, photo=photo, examination=examination)
            step.facts["photos"] = len(photos)
            step.facts["unreadable"] = sum(each.unreadable_reason is not None for each in found)


def match(report_id: UUID, machine: Machine) -> None:
    """Find the reports that show the same pictures, parts of them, or the same scene."""
    started = time.monotonic()
    with machine.database.reading() as session:
        report = session.get_one(Report, report_id)
        photo_ids = _photo_ids(session, report_id=report_id, supplement_id=None)
    alike = _alike(report, photo_ids, machine)
    with _step(machine, report_id, "matched_at", started) as step:
        if step:
            step.facts["found"], step.facts["close"] = len(alike.found), len(alike.close)
            step.facts["new"] = keep(
                step.session, report=report, alike=alike, policy=machine.policy
            )
            step.facts["policy"] = machine.policy.version


def _alike(report: Report, photo_ids: Sequence[UUID], machine: Machine) -> Alike:
    return look(
        machine.database,
        machine.store,
        report=report,
        photo_ids=photo_ids,
        policy=machine.policy,
        memory=machine.memory,
    )


def route(report_id: UUID, machine: Machine, *, failures: int = 0) -> None:
    """Open a case for each department that has power, or link the report to one."""
    started = time.monotonic()
    with machine.database.reading() as session:
        report = session.get_one(Report, report_id)
        place = _place(session, report_id, machine, failures)
    with _step(machine, report_id, "routed_at", started) as step:
        if step:
            lock_routing(step.session)
            now = now_utc()
            settled = settle(
                step.session,
                report=report,
                place=place,
                calendar=machine.calendar,
                now=now,
                failures=failures,
                policy=machine.policy,
            )
            step.facts["cases"] = [
                {"number": each.case_number, "outcome": each.outcome} for each in settled
            ]
            step.facts["attempts"] = step.progress.attempts
            step.progress.finished_at, step.progress.attempts = now, 0
            step.progress.last_error = None


def supplement(supplement_id: UUID, *, machine: Machine) -> None:
    """Examine and match what a reporter added, and show on their cases that it came."""
    started = time.monotonic()
    with machine.database.reading() as session:
        addition = session.get(Supplement, supplement_id)
        if addition is None or addition.examined_at is not None:
            return
        report = session.get_one(Report, addition.report_id)
        photos = _unexamined(session, report_id=report.id, supplement_id=supplement_id)
    found = _look_at(photos, machine)
    with machine.database.writing() as session:
        session.get_one(Supplement, supplement_id, with_for_update=True)
        left = _unexamined(session, report_id=report.id, supplement_id=supplement_id)
        still = {photo.id for photo in left}
        for photo, examination in zip(photos, found, strict=True):
            if photo.id in still:
                store_examination(session, photo=photo, examination=examination)
    with machine.database.reading() as session:
        photo_ids = _photo_ids(session, report_id=report.id, supplement_id=supplement_id)
    alike = _alike(report, photo_ids, machine)
    with machine.database.writing() as session:
        keep(session, report=report, alike=alike, policy=machine.policy)
        facts = {"photos": len(photos), "found": len(alike.found), "close": len(alike.close)}
        if _finish_supplement(session, supplement_id):
            _note_step(session, report.id, "supplement", started, facts)


def give_up(report_id: UUID, *, machine: Machine) -> None:
    """Send a report on which the pipeline keeps failing to dispatch, for a person to take.

    The shortest way that loses nothing: no photo is opened, no picture compared.
    """
    with _step(machine, report_id, "examined_at", time.monotonic()) as step:
        if step:
            for photo in _unexamined(step.session, report_id=report_id, supplement_id=None):
                give_up_on(step.session, photo=photo)
    with _step(machine, report_id, "matched_at", time.monotonic()):
        pass
    with machine.database.reading() as session:
        failures = session.get_one(ReportProgress, report_id).attempts
    log.error("report_given_up", report_id=str(report_id), attempts=failures)
    route(report_id, machine, failures=failures)


def give_up_supplement(supplement_id: UUID, *, machine: Machine) -> None:
    """Stop trying to examine a supplement; its text and its arrival still show on the case."""
    with machine.database.writing() as session:
        addition = session.get_one(Supplement, supplement_id, with_for_update=True)
        photos = _unexamined(session, report_id=addition.report_id, supplement_id=supplement_id)
        if addition.examined_at is None:
            for photo in photos:
                give_up_on(session, photo=photo)
        _finish_supplement(session, supplement_id)
    log.error("supplement_given_up", supplement_id=str(supplement_id))


@dataclass
class _Step:
    """A step under way: its transaction, the report's locked progress, facts for the record."""

    session: Session
    progress: ReportProgress
    facts: dict[str, Any] = field(default_factory=dict)


_NAMES = {"examined_at": "examine", "matched_at": "match", "routed_at": "route"}


@contextmanager
def _step(machine: Machine, report_id: UUID, column: str, started: float) -> Iterator[_Step | None]:
    """Lend one step's transaction; None when the step was done, perhaps this very moment."""
    with machine.database.writing() as session:
        progress = session.get_one(ReportProgress, report_id, with_for_update=True)
        if getattr(progress, column) is not None:
            yield None
            return
        step = _Step(session, progress)
        yield step
        setattr(progress, column, now_utc())
        duration_s = _note_step(session, report_id, _NAMES[column], started, step.facts)
    log.info("step_done", step=_NAMES[column], duration_s=round(duration_s, 3), **step.facts)


def _note_step(
    session: Session, report_id: UUID, name: str, started: float, facts: dict[str, Any]
) -> float:
    """Keep that a step ran, and return how many seconds it took."""
    duration_s = time.monotonic() - started
    row = {"report_id": report_id, "step": name, "duration_s": duration_s, "facts": facts}
    insert_rows(session, ReportStep, [row])
    return duration_s


def _begin(report_id: UUID, machine: Machine) -> ReportProgress | None:
    """Note that an attempt begins; None when nothing is left to do.

    It is counted before the work, since a process that is killed counts nothing after.
    """
    with machine.database.writing() as session:
        progress = session.get(ReportProgress, report_id, with_for_update=True)
        if progress is None:
            log.warning("report_unknown", report_id=str(report_id))
            return None
        if progress.finished_at is not None:
            return None
        progress.attempts += 1
        progress.queued_at = now_utc()
    return progress


def _note_failure(report_id: UUID, machine: Machine, error: Exception) -> None:
    """Keep what went wrong; an outage is no fault of the report and only makes it wait."""
    try:
        with machine.database.writing() as session:
            progress = session.get_one(ReportProgress, report_id, with_for_update=True)
            progress.last_error = _described(error)
            if _is_outage(error, session.get_one(Report, report_id)):
                progress.attempts = max(0, progress.attempts - 1)
                progress.queued_at = now_utc() + OUTAGE_PAUSE
    except DBAPIError:
        log.warning("failure_not_noted", report_id=str(report_id))


def _is_outage(error: Exception, report: Report) -> bool:
    if isinstance(error, NotFound) and error.code == "original-missing":
        # A disk that is not mounted looks like a store that lost everything; the
        # operator has an hour to see it before reports go on without their photos.
        return report.received_at > now_utc() - MISSING_IS_OUTAGE
    return isinstance(error, Unavailable) or is_transient(error)


def _described(error: Exception) -> str:
    """Return an error in a line; a database's own message may quote what people wrote."""
    if isinstance(error, DBAPIError):
        return f"{type(error).__name__}: {type(error.orig).__name__}"
    if isinstance(error, SuishoupaiError):
        return error.code
    return f"{type(error).__name__}: {error}"[:500]


def _unexamined(
    session: Session, *, report_id: UUID, supplement_id: UUID | None
) -> Sequence[Photo]:
    """Return the photos without a result; one that was given up may be tried again."""
    asked = {"report_id": report_id, "supplement_id": supplement_id}
    return session.scalars(_UNEXAMINED[supplement_id is None], asked).all()


def _photo_ids(session: Session, *, report_id: UUID, supplement_id: UUID | None) -> Sequence[UUID]:
    asked = {"report_id": report_id, "supplement_id": supplement_id}
    return session.scalars(_PHOTO_IDS[supplement_id is None], asked).all()


def _look_at(photos: Sequence[Photo], machine: Machine) -> list[Examination]:
    """Examine the originals and store their derivatives, before any row speaks of them."""
    if not photos:
        return []
    with ExitStack() as copies:
        paths = [copies.enter_context(machine.store.local_copy(each.sha256)) for each in photos]
        found = examine_photos(
            paths,
            masks=[from_row(photo.masks) for photo in photos],
            limits=machine.limits_of(PROCESS_REPORT),
            do_in_child=machine.do_in_child,
        )
    checked = [verified(*pair) for pair in zip(photos, found, strict=True)]
    for photo, examination in zip(photos, checked, strict=True):
        features = {STORED_AS: examination.features} if examination.features else {}
        machine.store.put_derivatives(photo.id, {**examination.derivatives, **features})
    return checked


def _place(session: Session, report_id: UUID, machine: Machine, failures: int) -> Place:
    claims = load_places(session, report_ids=[report_id])[report_id]
    try:
        polygons = machine.polygons.current(session)
        return locate(claims, polygons=polygons, on=local_date(now_utc()))
    except SuishoupaiError:
        if not failures:
            raise
        # Whatever is wrong with the place, a person gets the report all the same.
        log.exception("place_unknown", report_id=str(report_id))
        return Place(claims=claims, boundary_version="unknown")


def _finish_supplement(session: Session, supplement_id: UUID) -> bool:
    """Mark it examined and flag the cases of its report; False when that was done before."""
    # Under the routing lock a case that is just being opened can't miss the flag.
    lock_routing(session)
    addition = session.get_one(
        Supplement, supplement_id, with_for_update=True, populate_existing=True
    )
    if addition.examined_at is not None:
        return False
    addition.examined_at = now_utc()
    session.flush()
    flag_cases(
        session, report_id=addition.report_id, flag="supplemented", action="case_supplemented"
    )
    return True
