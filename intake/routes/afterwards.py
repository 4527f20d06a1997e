"""What became of it, as pages that work without JavaScript: my tips, notices, suggestions.

What is added to a tip or taken back comes from its rider or from the holder of its
receipt code: both use the same two forms.
"""

import uuid
from typing import Annotated

from flask import Blueprint, flash, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from pydantic import Field
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake import notices, present, reports, sending, status, subscriptions, suggestions
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance
from intake.routes.api_v1 import reporter_of_request
from intake.routes.me_api import require_messenger
from intake.routes.signing import MAX_FORM_BYTES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.tables import MessengerLink, Report
from schemas.wire.notices import MOST_BODY, SuggestionRequest
from schemas.wire.reports import SupplementForm, Text, WithdrawalForm

afterwards = Blueprint("afterwards", __name__)
PAGE = 10


class SupplementPage(SupplementForm):
    """An addition as the page sends it, with what the API takes from headers."""

    number: Annotated[str, Text] = Field("", max_length=40)
    receipt_code: Annotated[str, Text] = Field("", max_length=40)
    idempotency_key: Annotated[str, Text] = Field("", max_length=64)
    csrf_token: Annotated[str, Text] = Field("", max_length=400)


@afterwards.get("/me/tips")
@enters(Entry.RIDER)
def list_tips() -> str:
    """Show the rider's own tips, the newest first."""
    door, rider_id = present_door(), entrance.rider_of_request()
    before = request.args.get("before")
    with door.database.reading() as session:
        last = _own(session, before, "") if before else None
        states, more = status.own_reports(
            session, rider_id=rider_id, before=last, size=PAGE, overrides=door.calendar
        )
        unread = notices.unread_count(session, rider_id=rider_id)
    page = present.report_page(states, more, request_locale())
    return render_template("tips.html", page=page, unread=unread, is_first=not before)


@afterwards.get("/me/tips/<number>")
@enters(Entry.RIDER)
def show_tip(number: str) -> str:
    """Show one tip of the rider's own."""
    with present_door().database.reading() as session:
        report = _own(session, number, "")
    return tip_page(report)


@afterwards.post("/supplements")
@enters(Entry.REPORTER)
def add_supplement() -> Response:
    """Add a text or photos to a tip."""
    door, reporter = present_door(), reporter_of_request()
    with sending.incoming(door, SupplementPage) as form:
        g.draft = form.texts
        # First whose it is, so that a refusal of the rest can show the tip again.
        entrance.check_form(form.texts.get("csrf_token", [""])[0])
        code = form.texts.get("receipt_code", [""])[0]
        with door.database.reading() as session:
            g.tip = report = _own(session, form.texts.get("number", [""])[0], code)
        values = sending.validated(SupplementPage, form)
        key = sending.read_key(values.idempotency_key)
        sending.admit(door, reporter=reporter, key=key)
        sending.take_supplement(door, values=values, report=report, reporter=reporter, key=key)
    return _done(report, code, gettext("补充已收到，会和原来的举报一起看。"))


@afterwards.post("/withdrawals")
@enters(Entry.REPORTER)
def take_back() -> Response:
    """Take a tip back."""
    request.max_content_length = MAX_FORM_BYTES
    entrance.check_form(request.form.get("csrf_token", ""))
    door, reporter, code = present_door(), reporter_of_request(), _typed("receipt_code")
    with door.database.reading() as session:
        g.tip = report = _own(session, _typed("number"), code)
    values = sending.checked(WithdrawalForm, {"reason": _typed("reason").replace("\0", "")})
    door.commit(
        lambda session: reports.withdraw(
            session, reporter=reporter, report=report, reason=values.reason, now=now_utc()
        )
    )
    return _done(report, code, gettext("这条举报已撤回。"))


@afterwards.get("/me/notices")
@enters(Entry.RIDER)
def show_notices() -> str:
    """Show what the rider was told, and the ways to be told."""
    return _notices_page()


@afterwards.post("/me/notices/read")
@enters(Entry.RIDER)
def read_notices() -> Response:
    """Mark all notices as read."""
    _check_small_form()
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: notices.mark_read(session, rider_id=rider_id, now=now_utc())
    )
    return redirect(url_for("afterwards.show_notices"), 303)


@afterwards.post("/me/messenger")
@enters(Entry.RIDER)
def choose_messenger() -> Response:
    """Opt in to the messenger, whose token is shown once, or out of it."""
    _check_small_form()
    door, rider_id = present_door(), entrance.rider_of_request()
    if request.form.get("wanted") != "1":
        door.commit(
            lambda session: subscriptions.unlink_messenger(
                session, rider_id=rider_id, now=now_utc()
            )
        )
        return redirect(url_for("afterwards.show_notices"), 303)
    require_messenger()
    recipient = door.commit(
        lambda session: subscriptions.link_messenger(
            session, sealer=door.sealer, rider_id=rider_id, now=now_utc()
        )
    )
    return make_response(_notices_page(recipient=recipient), 201)


@afterwards.get("/me/suggestions")
@enters(Entry.RIDER)
def show_suggestions() -> str:
    """Show the short form, and what the rider wrote before."""
    return _suggestions_page()


@afterwards.post("/me/suggestions")
@enters(Entry.RIDER)
def send_suggestion() -> Response:
    """Take a suggestion; sending the page again is a repeat, not a second one."""
    _check_small_form()
    values = sending.checked(SuggestionRequest, {"kind": _typed("kind"), "body": _typed("body")})
    key, rider_id = sending.read_key(_typed("idempotency_key")), entrance.rider_of_request()
    present_door().commit(
        lambda session: suggestions.suggest(
            session, rider_id=rider_id, key=key, kind=values.kind, body=values.body, now=now_utc()
        )
    )
    flash(gettext("已送到办公室。有回复时，会在“消息”里告诉您。"))
    return redirect(url_for("afterwards.show_suggestions"), 303)


def tip_page(
    report: Report,
    *,
    receipt_code: str = "",
    done: str = "",
    error: SuishoupaiError | None = None,
    draft: str = "",
) -> str:
    """Return the page of one tip: how it stands, and what may be done with it."""
    door = present_door()
    with door.database.reading() as session:
        state = status.status_of(session, report=report, overrides=door.calendar)
    return render_template(
        "tip.html",
        status=present.report_status(state, request_locale()),
        receipt_code=receipt_code,
        key=str(uuid.uuid4()),
        done=done,
        error=error,
        draft=draft,
    )


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page: the same form with what was written."""
    if request.endpoint in ("afterwards.add_supplement", "afterwards.take_back"):
        report: Report | None = g.get("tip")
        if report is None:
            return None
        texts = g.get("draft", {})
        code = texts.get("receipt_code", [""])[0] if texts else _typed("receipt_code")
        draft = texts.get("description", [""])[0][:2000] if texts else ""
        return tip_page(report, receipt_code=code, error=error, draft=draft)
    if request.endpoint == "afterwards.send_suggestion" and "reporter" in g:
        return _suggestions_page(error=error)
    return None


def _own(session: Session, number: str, receipt_code: str) -> Report:
    return reports.find_report(
        session,
        number=number,
        rider_id=reporter_of_request().rider_id,
        receipt_code=receipt_code or None,
    )


def _done(report: Report, receipt_code: str, words: str) -> Response:
    """Show the tip again: a rider's by its address, another's, which has none, at once."""
    if receipt_code:
        return make_response(tip_page(report, receipt_code=receipt_code, done=words))
    flash(words)
    return redirect(url_for("afterwards.show_tip", number=report.number), 303)


def _notices_page(*, recipient: str = "") -> str:
    door, rider_id = present_door(), entrance.rider_of_request()
    before = request.args.get("before", "")
    with door.database.reading() as session:
        page = notices.page_of_notices(session, rider_id=rider_id, before=_uuid(before), size=PAGE)
        is_linked = session.get(MessengerLink, rider_id) is not None
    return render_template(
        "notices.html",
        page=present.notice_list(page, request_locale()),
        has_messenger=bool(door.settings.webhook_url),
        is_linked=is_linked,
        recipient=recipient,
        is_first=not before,
    )


def _suggestions_page(*, error: SuishoupaiError | None = None) -> str:
    with present_door().database.reading() as session:
        page = suggestions.own_suggestions(
            session,
            rider_id=entrance.rider_of_request(),
            before=request.args.get("before"),
            size=PAGE,
        )
    # What was refused is sent again under its own key, unless that key is the trouble.
    again = error is not None and error.field != "Idempotency-Key"
    return render_template(
        "suggestions.html",
        rows=[present.suggestion_answer(row) for row in page.rows],
        more=page.more,
        kinds=suggestions.KINDS,
        most=MOST_BODY,
        key=_typed("idempotency_key") if again else str(uuid.uuid4()),
        kind=_typed("kind") if error else "suggestion",
        draft=_typed("body")[: MOST_BODY + 200] if error else "",
        error=error,
        is_first=not request.args.get("before"),
    )


def _check_small_form() -> None:
    request.max_content_length = MAX_FORM_BYTES
    entrance.check_form(request.form.get("csrf_token", ""))


def _typed(name: str) -> str:
    return request.form.get(name, "")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
