"""The JSON API of the rider's door, version 1."""

from flask import Blueprint, Response, g, request, url_for
from pydantic import ValidationError

from intake import present, reports, sending
from intake.answers import Reporter
from intake.bodies import as_json
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.status import status_of
from schemas.database import now_utc
from schemas.errors import InvalidInput
from schemas.tables import Report
from schemas.wire.faults import explain
from schemas.wire.openapi import FORM, Answered, Described, Given, describes
from schemas.wire.reports import (
    CategoryList,
    ReportAccepted,
    ReportForm,
    ReportStatus,
    SupplementAccepted,
    SupplementForm,
    WithdrawalAccepted,
    WithdrawalForm,
    read_moment,
)
from schemas.words import Words

api = Blueprint("api_v1", __name__, url_prefix="/api/v1")
MAX_JSON_BYTES = 16 * 1024

KEY = Given(
    "Idempotency-Key",
    "header",
    "a UUID made for this tip; repeat a request with the same key as often as you like",
    required=True,
    format="uuid",
)
DEVICE_TIME = Given(
    "Device-Time",
    "header",
    "what the device's clock says while it sends, RFC 3339: tells how far that clock is off",
)
NUMBER = Given("number", "path", "the report's number, such as JB20261121-7KQ4MX-3")
CODE_HEADER = Given("Receipt-Code", "header", "the receipt code, for whoever has no rider token")
CODE_QUERY = Given("receipt_code", "query", "the receipt code, where no header can be sent")
RIDER_OR_NOBODY = ("rider", "session", "")
FORM_REFUSALS = {
    400: "idempotency-key-missing, idempotency-key-invalid, body-unreadable, body-incomplete",
    401: "token-unknown, token-missing, session-ended",
    403: "cross-site",
    404: "upload-unknown",
    409: "upload-unfinished",
    410: "upload-expired, upload-lost, upload-used",
    413: "too-large, too-many-parts, photos-too-many, photo-too-large, "
    "photos-too-large-together, photo-too-many-pixels",
    415: "content-type-unsupported",
    429: "rate-limited",
    460: "upload-sum-mismatch",
    503: "database-away, store-away",
}
PHOTO_CODES = (
    "photo-empty, photo-not-an-image, photo-format-unsupported, photo-truncated, "
    "photo-damaged, photo-type-mismatch"
)
UPLOAD_CODES = "photos-both-ways, upload-named-twice"
FIELD_CODES = (
    "field-unknown, field-duplicate, field-missing, text-invalid, text-too-long, value-invalid"
)


def reporter_of_request() -> Reporter:
    """Return who sends, as the doorway found it out."""
    reporter: Reporter = g.reporter
    return reporter


def own_report(number: str, reporter: Reporter) -> Report:
    """Return the caller's report; raises NotFound for anybody else's."""
    code = request.headers.get("Receipt-Code") or request.args.get("receipt_code")
    with present_door().database.reading() as session:
        return reports.find_report(
            session, number=number, rider_id=reporter.rider_id, receipt_code=code
        )


@api.post("/reports")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Send one tip: photos, what the hazard is, and where",
        body=ReportForm,
        body_type=FORM,
        given=(KEY, DEVICE_TIME),
        answer=Answered(
            201,
            "The tip is durable. A repeat with the same key and content gets this same answer.",
            ReportAccepted,
            {"Location": "where the status can be read"},
        ),
        refusals=FORM_REFUSALS
        | {
            422: "idempotency-key-reused, category-missing, category-unknown, datum-unknown, "
            "coordinates-out-of-range, number-invalid, number-out-of-range, place-missing, "
            "location-consent-missing, place-incomplete, captured-at-invalid, photos-missing, "
            "masks-invalid, masks-too-many, masks-not-of-photos, "
            f"too-many-values, {UPLOAD_CODES}, {FIELD_CODES}, {PHOTO_CODES}"
        },
        security=RIDER_OR_NOBODY,
    )
)
def create_report() -> Response:
    """Take one tip."""
    door, reporter = present_door(), reporter_of_request()
    sending.require_welcome(door, reporter)
    key = sending.read_key(request.headers.get("Idempotency-Key"))
    sending.admit(door, reporter=reporter, key=key)
    with sending.incoming(door, ReportForm) as form:
        values = sending.validated(ReportForm, form)
        answer = sending.take_report(
            door,
            values=values,
            reporter=reporter,
            key=key,
            sent_at=read_moment(request.headers.get("Device-Time", "")),
        )
    location = url_for("api_v1.show_report", number=answer.number)
    return as_json(present.report_accepted(answer, request_locale()), 201, Location=location)


@api.get("/reports/<number>")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="What became of a report, in plain words",
        given=(NUMBER, CODE_HEADER, CODE_QUERY),
        answer=Answered(200, "The status and its history", ReportStatus),
        refusals={
            401: "token-unknown, session-ended",
            404: "report-not-found",
            503: "database-away",
        },
        security=RIDER_OR_NOBODY,
    )
)
def show_report(number: str) -> Response:
    """Tell the reporter what became of the report."""
    door, report = present_door(), own_report(number, reporter_of_request())
    with door.database.reading() as session:
        state = status_of(session, report=report, overrides=door.calendar)
    return as_json(present.report_status(state, request_locale()))


@api.post("/reports/<number>/supplements")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Add a text or photos to a report",
        body=SupplementForm,
        body_type=FORM,
        given=(NUMBER, KEY, CODE_HEADER, CODE_QUERY),
        answer=Answered(201, "The addition is durable", SupplementAccepted),
        refusals=FORM_REFUSALS
        | {
            404: "report-not-found, upload-unknown",
            422: "idempotency-key-reused, supplement-empty, masks-invalid, masks-too-many, "
            f"masks-not-of-photos, {UPLOAD_CODES}, "
            f"{FIELD_CODES}, {PHOTO_CODES}",
        },
        security=RIDER_OR_NOBODY,
    )
)
def create_supplement(number: str) -> Response:
    """Take an addition to a report."""
    door, reporter = present_door(), reporter_of_request()
    report = own_report(number, reporter)
    key = sending.read_key(request.headers.get("Idempotency-Key"))
    sending.admit(door, reporter=reporter, key=key)
    with sending.incoming(door, SupplementForm) as form:
        values = sending.validated(SupplementForm, form)
        answer = sending.take_supplement(
            door, values=values, report=report, reporter=reporter, key=key
        )
    return as_json(present.supplement_accepted(answer), 201)


@api.post("/reports/<number>/withdrawal")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Take a report back; a second time changes nothing",
        body=WithdrawalForm,
        given=(NUMBER, CODE_HEADER, CODE_QUERY),
        answer=Answered(200, "The report is withdrawn", WithdrawalAccepted),
        refusals={
            400: "body-unreadable",
            401: "token-unknown, session-ended",
            403: "cross-site",
            404: "report-not-found",
            413: "too-large",
            415: "content-type-unsupported",
            422: FIELD_CODES,
            503: "database-away",
        },
        security=RIDER_OR_NOBODY,
    )
)
def create_withdrawal(number: str) -> Response:
    """Take a report back."""
    door, reporter = present_door(), reporter_of_request()
    report, values = own_report(number, reporter), read_withdrawal()
    withdrawal = door.commit(
        lambda session: reports.withdraw(
            session, reporter=reporter, report=report, reason=values.reason, now=now_utc()
        )
    )
    return as_json(present.withdrawal_accepted(report.number, withdrawal, request_locale()))


@api.get("/categories")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="The hazard categories",
        answer=Answered(200, "Every category, in the order in which to show them", CategoryList),
    )
)
def list_categories() -> Response:
    """List the hazard categories."""
    return as_json(present.category_list(request_locale()))


def read_withdrawal() -> WithdrawalForm:
    """Return the JSON body of a withdrawal; an empty body gives no reason."""
    request.max_content_length = MAX_JSON_BYTES
    body = request.get_data()
    if not body:
        return WithdrawalForm()
    if request.mimetype != "application/json":
        raise InvalidInput(
            "content-type-unsupported",
            Words("请用 application/json 发送。", "Send it as application/json."),
            field="Content-Type",
        )
    try:
        values = WithdrawalForm.model_validate_json(body)
    except ValidationError as error:
        raise explain(error) from None
    if "\0" in values.reason:
        raise InvalidInput(
            "text-invalid",
            Words("reason 里有无法保存的字符。", "reason holds characters that can't be stored."),
            field="reason",
        )
    return values
