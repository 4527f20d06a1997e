"""Who may come in: the browser by its cookie, a program by its bearer token, never mixed.

Pages listen to the cookie only and the API to the token only, so that no foreign
page can make a browser call the API, and every form carries a CSRF token.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial

from flask import Flask, abort, current_app, g, redirect, request, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug.wrappers import Response

from intake.browsers import form_expired
from intake.doorway import Entry, check_operator, not_found, wants_page
from review_ui.access import sessions, tokens
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.errors import NotSignedIn
from schemas.settings import Settings
from schemas.words import Words

COOKIE = "review_session"
API = "/api/"
# Fields of a form that are not kept while its sender signs in anew.
_SECRET_FIELDS = ("csrf_token", "password", "new_password", "again", "code", "sealed")


def checks(settings: Settings) -> Mapping[Entry, Callable[[], None]]:
    """Return how each kind of entry is checked at this door."""
    return {
        Entry.OPERATOR: partial(check_operator, settings),
        Entry.SIGNED_IN: _admit,
        **{Entry(right.value): partial(_admit, right) for right in Right},
    }


def guard_forms(app: Flask, *, exempt: tuple[str, ...]) -> None:
    """Refuse every form without its token; blueprints named in `exempt` take no cookie."""
    # A form that lay open all day is good as long as the session is.
    app.config.update(WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_TIME_LIMIT=None)
    # Our own Referrer-Policy keeps browsers from sending what this check would ask for.
    app.config["WTF_CSRF_SSL_STRICT"] = False
    guard = CSRFProtect(app)
    for name in exempt:
        guard.exempt(app.blueprints[name])

    @app.before_request
    def _guard() -> None:
        try:
            guard.protect(apply_exemptions=True)
        except CSRFError:
            raise form_expired() from None


def idle_limit() -> timedelta:
    """Return after how long without a page a session ends."""
    return timedelta(minutes=room().settings.session_idle_minutes)


def _admit(right: Right | None = None) -> None:
    if request.path.startswith(API):
        _admit_program()
    else:
        _admit_browser()
    # What is not for their role does not exist for them, like what is not their unit's.
    if right and not person().may(right):
        raise not_found()


def _admit_program() -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    found = None
    if scheme.lower() == "bearer" and token:
        with room().database.reading() as db:
            found = tokens.find_token_row(db, token=token.strip())
    if found is None:
        raise NotSignedIn(
            "token-unknown",
            Words(
                "请在 Authorization 请求头中给出有效的工作人员令牌（Bearer）。",
                "Give a valid staff token in the Authorization header (Bearer).",
            ),
        )
    row, g.person = found
    if tokens.is_due_a_glance(row, now=moment()):
        with room().database.writing() as db:
            tokens.note_seen(db, token_id=row.id, now=moment())


def _admit_browser() -> None:
    token = request.cookies.get(COOKIE, "")
    with room().database.reading() as db:
        found = (
            sessions.find_session(db, token=token, now=moment(), idle_limit=idle_limit())
            if token
            else None
        )
    if found is None:
        if request.method in ("GET", "HEAD") and wants_page():
            back = request.full_path if request.query_string else request.path
            abort(redirect(url_for("signing.sign_in", next=back)))
        raise NotSignedIn(
            "session-ended",
            Words(
                "登录已过期，请重新登录。您填写的内容还在，登录后可以继续提交。",
                "Your session has ended. Sign in again: what you typed is kept.",
            ),
        )
    row, g.person = found
    g.session_id = row.id
    view = current_app.view_functions[request.endpoint or ""]
    if sessions.is_due_a_glance(row, now=moment()) and not getattr(view, "by_itself", False):
        with room().database.writing() as db:
            sessions.note_seen(db, session_id=row.id, now=moment())


def hand_out_cookie(response: Response, token: str) -> None:
    """Give the browser its session; the cookie says nothing by itself."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.WHOLE_LIMIT.total_seconds()),
        httponly=True,
        samesite="Lax",
        secure=room().settings.behind_tls,
    )


def kept_form() -> str:
    """Return the form of a request that came too late, as JSON, to be sent again after sign-in."""
    fields = {name: values for name, values in request.form.lists() if name not in _SECRET_FIELDS}
    return json.dumps(fields, ensure_ascii=False)
