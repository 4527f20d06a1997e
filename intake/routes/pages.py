"""The rider's web pages: one form, one answer, one status; they work without JavaScript."""

import uuid
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

from flask import Blueprint, Flask, g, make_response, redirect, render_template, request
from flask_babel import Babel, format_date, gettext
from pydantic import Field
from werkzeug.wrappers import Response

from intake import present, reports, sending
from intake.answers import Reporter
from intake.browsers import local_path
from intake.campaigns.reading import held_task
from intake.door import Door, present_door
from intake.doorway import Entry, enters, request_locale
from intake.form import MAX_PHOTOS_BYTES
from intake.identity import entrance
from intake.riders import registering as riders
from intake.routes import (
    account,
    afterwards,
    around_stations,
    campaigns,
    honours,
    mall,
    signing,
    stations,
    statutory,
)
from intake.status import status_of
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.taxonomy import CATEGORIES
from schemas.wire.reports import MAX_PHOTOS, Empty, ReportForm, Text
from schemas.workdays import local_date

pages = Blueprint("pages", __name__)
# What riders meet most; the rest stands behind one tap.
FREQUENT = 8
MAX_QUESTION_BYTES = 8 * 1024
YEAR_S = 365 * 24 * 3600


class PageForm(ReportForm):
    """The tip's form as the page sends it, with what the API takes from headers."""

    idempotency_key: Annotated[str, Text] = Field("", max_length=64)
    rider_token: Annotated[str, Text] = Field("", max_length=200)
    csrf_token: Annotated[str, Text] = Field("", max_length=400)
    anonymous: Annotated[bool, Empty] = Field(default=False)
    # The form was opened by somebody who was signed in.
    as_rider: Annotated[bool, Empty] = Field(default=False)


def register(app: Flask) -> None:
    """Add the pages, their languages and what their templates need."""
    Babel(
        app,
        default_locale="zh",
        default_translation_directories="web/translations",
        locale_selector=request_locale,
    )
    app.register_blueprint(pages)
    app.register_blueprint(afterwards.afterwards)
    app.jinja_env.filters["day"] = day_words
    app.jinja_env.filters["local_day"] = local_date

    @app.context_processor
    def _known() -> dict[str, Any]:
        return {"locale": request_locale(), "language": _language_tag()}


@pages.get("/")
@enters(Entry.PUBLIC)
def show_form() -> str:
    """Show the form of a new tip."""
    return _form_page(key=str(uuid.uuid4()), draft=_of_task(), error=None)


@pages.post("/reports")
@enters(Entry.PUBLIC)
def send_form() -> Response:
    """Take a tip from the page; sending the page again is a repeat, not a second tip."""
    door = present_door()
    with sending.incoming(door, PageForm) as form:
        g.draft = form.texts
        values = sending.validated(PageForm, form)
        reporter = _reporter_of(door, values)
        key = sending.read_key(values.idempotency_key)
        sending.admit(door, reporter=reporter, key=key)
        answer = sending.take_report(door, values=values, reporter=reporter, key=key)
    accepted = present.report_accepted(answer, request_locale())
    return make_response(render_template("sent.html", accepted=accepted), 201)


@pages.get("/status")
@enters(Entry.PUBLIC)
def ask_status() -> str:
    """Ask which report."""
    return render_template("status.html", number="", status=None, error=None)


@pages.post("/status")
@enters(Entry.PUBLIC)
def show_status() -> str:
    """Show what became of a report; asked by POST, since an address is kept in histories."""
    door = present_door()
    request.max_content_length = MAX_QUESTION_BYTES
    number, code = request.form.get("number", ""), request.form.get("receipt_code", "")
    with door.database.reading() as session:
        report = reports.find_report(session, number=number, rider_id=None, receipt_code=code)
        state = status_of(session, report=report, overrides=door.calendar)
    return render_template(
        "status.html",
        number=report.number,
        receipt_code=code,
        key=str(uuid.uuid4()),
        status=present.report_status(state, request_locale()),
        error=None,
        draft="",
    )


@pages.get("/language/<locale>")
@enters(Entry.PUBLIC)
def choose_language(locale: str) -> Response:
    """Keep the language that a person chose."""
    response = redirect(local_path(request.args.get("back", "/")))
    if locale in ("zh", "en"):
        response.set_cookie(
            "locale",
            locale,
            max_age=YEAR_S,
            secure=present_door().settings.behind_tls,
            httponly=True,
            samesite="Lax",
        )
    return response


def page_for(error: SuishoupaiError, status: int) -> str:
    """Return a refusal as a page: the same form with what was written, or a way back."""
    if request.endpoint == "pages.send_form" and request.method == "POST":
        draft: Mapping[str, list[str]] = g.get("draft", {})
        key = draft.get("idempotency_key", [""])[0] or str(uuid.uuid4())
        return _form_page(key=key, draft=draft, error=error)
    if request.endpoint == "pages.show_status":
        # What can't be read any more, such as a form that is too large, is not shown again.
        number = request.form.get("number", "")[:40] if status == 404 else ""
        return render_template("status.html", number=number, status=None, error=error)
    for page_of in (
        signing.page_for,
        account.page_for,
        stations.page_for,
        afterwards.page_for,
        mall.page_for,
        around_stations.page_for,
        honours.page_for,
        statutory.page_for,
        campaigns.page_for,
    ):
        page = page_of(error)
        if page is not None:
            return page
    return render_template("error.html", error=error, code=status)


def day_words(day: date) -> str:
    """Say a local day as people do: today, yesterday, or its date."""
    today = local_date(now_utc())
    if day == today:
        return str(gettext("今天"))
    if day == today - timedelta(days=1):
        return str(gettext("昨天"))
    return str(format_date(day, format="long"))


def _form_page(*, key: str, draft: Mapping[str, list[str]], error: SuishoupaiError | None) -> str:
    chosen = set(draft.get("category", []))
    signed_in = entrance.present_rider(present_door()) is not None
    return render_template(
        "report.html",
        key=key,
        draft={name: texts[0] for name, texts in draft.items() if texts},
        chosen=chosen,
        others_chosen=any(item.code in chosen for item in CATEGORIES[FREQUENT:]),
        frequent=CATEGORIES[:FREQUENT],
        others=CATEGORIES[FREQUENT:],
        max_photos=MAX_PHOTOS,
        max_bytes=MAX_PHOTOS_BYTES,
        signed_in=signed_in,
        # Whoever was signed in when they began is asked before it goes out as nobody's.
        asks_whose=signed_in or bool(draft.get("as_rider")),
        anonymous_tips=present_door().settings.anonymous_tips,
        error=error,
    )


def _of_task() -> dict[str, list[str]]:
    """Return what the form begins with for a task of a campaign that its rider holds."""
    rider_id = entrance.present_rider(present_door())
    try:
        task_id = uuid.UUID(request.args.get("task", ""))
    except ValueError:
        return {}
    if rider_id is None:
        return {}
    with present_door().database.reading() as session:
        shop = held_task(session, task_id=task_id, rider_id=rider_id)
    if shop is None:
        return {}
    said = {"task": str(task_id), "premises_name": shop.name, "premises_address": shop.address}
    return {name: [text] for name, text in said.items() if text}


def _reporter_of(door: Door, values: PageForm) -> Reporter:
    """Return who sends: by a token that was typed in, by the browser's session, or nobody."""
    if values.rider_token:
        with door.database.reading() as session:
            return Reporter(riders.authenticate(session, token=values.rider_token).id)
    if request.cookies.get(entrance.COOKIE) and not values.anonymous:
        entrance.check_form(values.csrf_token)
        entrance.find_reporter(door)
        reporter: Reporter = g.reporter
        return reporter
    if values.as_rider and not values.anonymous:
        raise entrance.session_ended()
    sending.require_welcome(door, Reporter())
    return Reporter()


def _language_tag() -> str:
    return "en" if request_locale() == "en" else "zh-CN"
