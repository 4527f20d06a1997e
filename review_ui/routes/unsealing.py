"""Opening seals: who reported, and an original photo, each for a reason and once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.access.scope import find_case
from review_ui.evidence.unsealing import (
    EXTENSIONS,
    REASONS,
    Identity,
    Original,
    Reason,
    is_anonymous,
    open_identity,
    open_original,
    pseudonym_of_link,
    read_reason,
)
from review_ui.room import person, room
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput
from schemas.sealing import Sealer
from schemas.tables import Case
from schemas.wire.evidence import OriginalRequest, ReporterIdentity, UnsealRequest
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of

unsealing = Blueprint("unsealing", __name__, url_prefix="/cases")
unsealing_api = Blueprint("unsealing_api", __name__, url_prefix="/api/v1/cases")

PIECE_BYTES = 256 * 1024
Opened = TypeVar("Opened", Identity, Original)
_NUMBER = Given("number", "path", "the case's number, such as AJ20261121-7KQ4MX-3")
_REFUSALS = {
    400: "body-unreadable",
    401: "token-unknown",
    404: "not-found",
    413: "too-large",
    415: "content-type-unsupported",
    503: "database-away, store-away",
}


@unsealing.get("/<number>/reports/<uuid:link_id>/reporter")
@enters(Entry.UNSEAL)
def ask_reporter(number: str, link_id: UUID) -> str:
    """Ask why somebody wants to know who reported."""
    with room().database.reading() as db:
        case = _case(db, number)
        pseudonym = pseudonym_of_link(db, case=case, link_id=link_id)
        anonymous = is_anonymous(db, case=case, pseudonym=pseudonym)
    return _form(case, pseudonym=pseudonym, anonymous=anonymous)


@unsealing.post("/<number>/reports/<uuid:link_id>/reporter")
@enters(Entry.UNSEAL)
def show_reporter(number: str, link_id: UUID) -> WerkzeugResponse:
    """Show who reported, in the answer to the form and nowhere else."""
    with room().database.reading() as db:
        case = _case(db, number)
        pseudonym = pseudonym_of_link(db, case=case, link_id=link_id)
    try:
        identity = _open_identity(number, pseudonym, _typed_reason())
    except (InvalidInput, Conflict) as error:
        room().metrics.observe_refusal(error.code)
        anonymous = error.code == "reporter-anonymous"
        page = _form(case, pseudonym=pseudonym, anonymous=anonymous, refusal=error)
        return make_response(page, status_of(error))
    return _once(make_response(render_template("reporter.html", case=case, identity=identity)))


@unsealing.get("/<number>/photos/<uuid:photo_id>/original")
@enters(Entry.UNSEAL)
def ask_original(number: str, photo_id: UUID) -> str:
    """Ask why somebody wants an original photo."""
    with room().database.reading() as db:
        case = _case(db, number)
    return _form(case, photo_id=photo_id)


@unsealing.post("/<number>/photos/<uuid:photo_id>/original")
@enters(Entry.UNSEAL)
def download_original(number: str, photo_id: UUID) -> WerkzeugResponse:
    """Hand out an original photo as a file to be saved."""
    try:
        original = _open_original(number, photo_id, _typed_reason())
    except InvalidInput as error:
        room().metrics.observe_refusal(error.code)
        with room().database.reading() as db:
            page = _form(_case(db, number), photo_id=photo_id, refusal=error)
        return make_response(page, status_of(error))
    return _hand_out(original)


@unsealing_api.post("/<number>/unsealings")
@enters(Entry.UNSEAL)
@describes(
    Described(
        summary="Open who stands behind a pseudonym of the case; audited with the reason",
        body=UnsealRequest,
        given=(_NUMBER,),
        answer=Answered(200, "Who reported", ReporterIdentity),
        refusals={
            **_REFUSALS,
            409: "reporter-erased",
            422: "reporter-anonymous, reason-code-unknown, reason-missing, field-unknown, "
            "field-missing, value-invalid",
        },
        security=("staff",),
    )
)
def unseal(number: str) -> WerkzeugResponse:
    """Open who reported."""
    wanted = read_body(UnsealRequest)
    reason = read_reason(wanted.reason_code, wanted.reason)
    identity = _open_identity(number, wanted.pseudonym, reason)
    return _once(as_json(ReporterIdentity.model_validate(identity, from_attributes=True)))


@unsealing_api.post("/<number>/originals")
@enters(Entry.UNSEAL)
@describes(
    Described(
        summary="Open an original photo of the case, with its metadata; audited with the reason",
        body=OriginalRequest,
        given=(_NUMBER,),
        answer=Answered(200, "The file as it was sent", files=tuple(EXTENSIONS)),
        refusals={
            **_REFUSALS,
            404: "not-found, original-missing",
            422: "reason-code-unknown, reason-missing, field-unknown, field-missing, value-invalid",
        },
        security=("staff",),
    )
)
def unseal_original(number: str) -> WerkzeugResponse:
    """Open an original photo."""
    wanted = read_body(OriginalRequest)
    reason = read_reason(wanted.reason_code, wanted.reason)
    return _hand_out(_open_original(number, wanted.photo_id, reason))


def _open_identity(number: str, pseudonym: str, reason: Reason) -> Identity:
    sealer = Sealer(room().settings)
    return _opened(
        number,
        "reporter",
        lambda db, case: open_identity(
            db, case=case, pseudonym=pseudonym, staff=person(), sealer=sealer, reason=reason
        ),
    )


def _open_original(number: str, photo_id: UUID, reason: Reason) -> Original:
    return _opened(
        number,
        "original",
        lambda db, case: open_original(
            db, case=case, photo_id=photo_id, staff=person(), reason=reason
        ),
    )


def _opened(number: str, what: str, open_it: Callable[[Session, Case], Opened]) -> Opened:
    """Open a seal in one transaction; what it held is returned after the commit only."""
    with room().database.writing() as db:
        opened = open_it(db, _case(db, number))
    room().metrics.unsealings.labels(what=what).inc()
    return opened


def _hand_out(original: Original) -> Response:
    """Answer with the file, to be saved under a name and never shown as a page."""
    lent = ExitStack()
    path = lent.enter_context(room().store.local_copy(original.sha256))
    answer = Response(_pieces(path, lent), content_type=original.content_type)
    # Also when nobody reads the answer: the file may be a copy that has to be removed.
    answer.call_on_close(lent.close)
    answer.headers["Content-Length"] = str(path.stat().st_size)
    answer.headers["Content-Disposition"] = f"attachment; filename={original.filename}"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return _once(answer)


def _pieces(path: Path, lent: ExitStack) -> Iterator[bytes]:
    with lent, path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            yield piece


Answer = TypeVar("Answer", bound=WerkzeugResponse)


def _once(answer: Answer) -> Answer:
    """Keep an answer out of every cache, the one that «back» shows included."""
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    answer.headers["Pragma"] = "no-cache"
    return answer


def _case(db: Session, number: str) -> Case:
    return find_case(db, number=number, staff=person(), right=Right.UNSEAL)


def _typed_reason() -> Reason:
    return read_reason(request.form.get("reason_code", ""), request.form.get("reason", ""))


def _form(case: Case, *, photo_id: UUID | None = None, **facts: object) -> str:
    return render_template(
        "unseal.html",
        case=case,
        photo_id=photo_id,
        reasons=REASONS,
        typed=request.form,
        **({"refusal": None, "anonymous": False, "pseudonym": ""} | facts),
    )
