"""Taking the evidence package of a case, by a person or by a program."""

from flask import Blueprint, Response, render_template
from sqlalchemy.orm import Session

from intake.doorway import Entry, enters
from review_ui.access.scope import find_case
from review_ui.evidence.manifest import packed_photos
from review_ui.evidence.packages import Package, note_taken, prepare_package
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.tables import Case
from schemas.wire.openapi import Answered, Described, Given, describes

evidence = Blueprint("evidence", __name__, url_prefix="/cases")
evidence_api = Blueprint("evidence_api", __name__, url_prefix="/api/v1/cases")


@evidence.get("/<number>/evidence")
@enters(Entry.TAKE_EVIDENCE)
def ask_evidence(number: str) -> str:
    """Say what the package holds and whom it is for."""
    with room().database.reading() as db:
        case = _case(db, number)
        photos = packed_photos(db, case=case)
    size_bytes = sum(photo.size_bytes for photo in photos)
    return render_template("evidence.html", case=case, photos=photos, size_bytes=size_bytes)


@evidence.post("/<number>/evidence")
@enters(Entry.TAKE_EVIDENCE)
def take_evidence(number: str) -> Response:
    """Send the package."""
    return _sent(_taken(number))


@evidence_api.post("/<number>/evidence")
@enters(Entry.TAKE_EVIDENCE)
@describes(
    Described(
        summary="The evidence package of the case, as a ZIP; audited",
        given=(Given("number", "path", "the case's number, such as AJ20261121-7KQ4MX-3"),),
        answer=Answered(
            200,
            "Originals, manifest.json, SHA256SUMS and a cover sheet; for courts and colleagues",
            files=("application/zip",),
        ),
        refusals={
            401: "token-unknown",
            404: "not-found, original-missing",
            409: "original-damaged",
            413: "too-large",
            503: "database-away, store-away",
        },
        security=("staff",),
    )
)
def take_evidence_by_program(number: str) -> Response:
    """Send the package."""
    return _sent(_taken(number))


def _taken(number: str) -> Package:
    """Make a package and write down who takes it, before a byte of it is sent."""
    with room().database.reading() as db:
        package = prepare_package(
            db,
            case=_case(db, number),
            store=room().store,
            made_by=person().name,
            now=moment(),
            calendar=room().calendar,
        )
    # Apart from the reading, which takes long where there are many photos.
    with room().database.writing() as db:
        _case(db, number)
        note_taken(db, package=package, staff=person())
    room().metrics.evidence.inc()
    return package


def _sent(package: Package) -> Response:
    stream = package.open()
    answer = Response(iter(stream), content_type="application/zip")
    answer.headers["Content-Length"] = str(len(stream))
    answer.headers["Content-Disposition"] = f"attachment; filename={package.filename}"
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    return answer


def _case(db: Session, number: str) -> Case:
    return find_case(db, number=number, staff=person(), right=Right.TAKE_EVIDENCE)
