"""The bulletin as files and for programs, all from the object that the page shows."""

from flask import Blueprint, Response, request

from intake.bodies import as_json
from intake.bulletins.editions import TYPES, Edition, Format, as_csv, as_document
from intake.bulletins.editions import as_json as json_file
from intake.bulletins.print import as_pdf
from intake.bulletins.workbook import as_xlsx
from intake.doorway import Entry, enters, not_found, request_locale
from intake.fonts import find_chinese_font
from review_ui.bulletins.showing import allowed_scope, issues_of, present_bulletin
from review_ui.room import person, room
from review_ui.routes.bulletin_issues import MOST_ISSUES
from review_ui.routes.bulletins import asked_revision, asked_week, drawn_map
from schemas.wire.bulletins import BulletinAnswer, IssueLine, IssueList
from schemas.wire.openapi import Answered, Described, Given, describes

bulletin_files = Blueprint("bulletin_files", __name__, url_prefix="/bulletins")
bulletins_api = Blueprint("bulletins_api", __name__, url_prefix="/api/v1/bulletins")
_SCOPE = Given("scope", "query", "GB/T 2260 code of the area; the caller's own if left out")
_WEEK = (
    _SCOPE,
    Given("week", "query", "an ISO 8601 week such as 2026-W47; the present one if left out"),
    Given("revision", "query", "a published revision; the latest if left out"),
)
_REFUSALS = {
    401: "token-unknown",
    404: "not-found, bulletin-unknown",
    422: "week-invalid",
    503: "database-away",
}


@bulletin_files.get("/files/<kind>")
@enters(Entry.SEE_COUNTS)
def download(kind: str) -> Response:
    """Send a bulletin as a file."""
    return _file(kind)


@bulletins_api.get("")
@enters(Entry.SEE_COUNTS)
@describes(
    Described(
        summary="The published issues of an area's bulletin, the latest first",
        given=(_SCOPE,),
        answer=Answered(200, "The issues", IssueList),
        refusals={401: "token-unknown", 404: "not-found", 503: "database-away"},
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List what was published."""
    scope = allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        rows = issues_of(db, scope=scope, limit=MOST_ISSUES)
    return as_json(
        IssueList(
            issues=[
                IssueLine(
                    number=row.number,
                    scope=row.scope_code,
                    week=row.week,
                    revision=row.revision,
                    signer=row.signer_name,
                    published_at=row.published_at,
                    sha256=row.sha256,
                )
                for row in rows
            ]
        )
    )


@bulletins_api.get("/week")
@enters(Entry.SEE_COUNTS)
@describes(
    Described(
        summary="One week's bulletin: as it was published, or as it is counted now",
        given=_WEEK,
        answer=Answered(200, "The bulletin", BulletinAnswer),
        refusals=_REFUSALS,
        security=("staff",),
    )
)
def show_for_program() -> Response:
    """Show one week."""
    return as_json(BulletinAnswer.model_validate(as_document(_edition())))


@bulletins_api.get("/files/<kind>")
@enters(Entry.SEE_COUNTS)
@describes(
    Described(
        summary="One week's bulletin as a file",
        given=(Given("kind", "path", "pdf, xlsx, csv or json"), *_WEEK),
        answer=Answered(200, "The file", files=tuple(TYPES.values())),
        refusals=_REFUSALS,
        security=("staff",),
    )
)
def download_by_program(kind: str) -> Response:
    """Send a bulletin as a file."""
    return _file(kind)


def _edition() -> Edition:
    scope = allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        found = present_bulletin(db, week=asked_week(), scope=scope, revision=asked_revision())
    return Edition(found.bulletin, found.issue)


def _file(kind: str) -> Response:
    if kind not in set(Format):
        raise not_found()
    edition, wanted = _edition(), Format(kind)
    locale = "en" if request_locale() == "en" else "zh"
    if wanted is Format.PDF:
        with room().database.reading() as db:
            drawn = drawn_map(db, edition.bulletin)
        data = as_pdf(edition, map_of_areas=drawn, font=find_chinese_font(), locale=locale)
    elif wanted is Format.XLSX:
        data = as_xlsx(edition, locale=locale)
    else:
        data = as_csv(edition, locale=locale) if wanted is Format.CSV else json_file(edition)
    answer = Response(data, content_type=TYPES[wanted])
    answer.headers["Content-Disposition"] = f"attachment; filename={edition.name}.{wanted.value}"
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    return answer
