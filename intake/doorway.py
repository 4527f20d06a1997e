"""What every door has: who may enter, one shape of refusal, request ids, headers, health.

Both the rider's door and the inspectors' room are built on this, so that a route
without a declared entry can't be reached at either.
"""

import hmac
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, g, jsonify, make_response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response as WerkzeugResponse

from schemas.database import database_away, is_transient
from schemas.errors import NotFound, SuishoupaiError, Unavailable
from schemas.settings import Settings
from schemas.wire.problems import CONTENT_TYPE, problem_of, status_of
from schemas.words import Words

log = structlog.get_logger()
View = TypeVar("View", bound=Callable[..., Any])


class Entry(StrEnum):
    """Who may enter a route; each door says how it checks the kinds that it has."""

    PUBLIC = "public"
    OPERATOR = "operator"
    REPORTER = "reporter"
    RIDER = "rider"
    STATION = "station"
    SIGNED_IN = "signed_in"
    SEE_CASES = "see_cases"
    WORK_CASES = "work_cases"
    SEE_COUNTS = "see_counts"
    PUBLISH_BULLETINS = "publish_bulletins"
    UNSEAL = "unseal"
    TAKE_EVIDENCE = "take_evidence"
    SEE_AUDIT = "see_audit"
    HOLD_CASES = "hold_cases"
    RELEASE_CASES = "release_cases"
    ANSWER_SUGGESTIONS = "answer_suggestions"
    INVITE_RIDERS = "invite_riders"
    RUN_CAMPAIGNS = "run_campaigns"
    MANAGE_STAFF = "manage_staff"
    MANAGE_REWARDS = "manage_rewards"
    DECIDE_STATUTORY = "decide_statutory"
    PAY_STATUTORY = "pay_statutory"


def enters(entry: Entry, *, by_itself: bool = False) -> Callable[[View], View]:
    """Declare who may enter a view; a view without a declaration is answered 404.

    `by_itself` marks what an open page asks for with nobody there: it does not keep
    a session from ending when idle.
    """

    def mark(view: View) -> View:
        view.entry = entry  # type: ignore[attr-defined]
        view.by_itself = by_itself  # type: ignore[attr-defined]
        return view

    return mark


@dataclass
class Doorway:
    """How one door does what all doors do.

    `checks` raise when the caller may not enter; `ready` maps each part's name to a
    function that raises while the part is missing; `notices` to one whose answer an
    operator should know though nothing is missing; `page_for` renders a refusal as a
    page, or is None at a door without pages; `observe` hears of each refusal.
    """

    settings: Settings
    checks: Mapping[Entry, Callable[[], None]]
    ready: Mapping[str, Callable[[], object]]
    metrics: Callable[[], CollectorRegistry]
    notices: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    page_for: Callable[[SuishoupaiError, int], str] | None = None
    observe: Callable[[str], None] = field(default=lambda _code: None)
    content_security_policy: str = (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    permissions_policy: str = (
        "geolocation=(self), camera=(self), microphone=(self), payment=(), usb=()"
    )


def hang(app: Flask, doorway: Doorway) -> None:
    """Build the doorway into `app`; call it after every route is registered."""
    if doorway.settings.trusted_proxies:
        count = doorway.settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=count, x_proto=count, x_host=count
        )
    _add_health(app, doorway)

    @app.before_request
    def _admit() -> None:
        _begin_request()
        if request.url_rule is None:
            return
        view = current_app.view_functions[request.endpoint or ""]
        entry = Entry.PUBLIC if request.endpoint == "static" else getattr(view, "entry", None)
        if entry is None:
            raise not_found()
        if entry is not Entry.PUBLIC:
            doorway.checks[entry]()

    @app.after_request
    def _headers(response: Response) -> Response:
        return _with_headers(response, doorway)

    _add_refusals(app, doorway)


def _add_refusals(app: Flask, doorway: Doorway) -> None:
    @app.errorhandler(SuishoupaiError)
    def _refuse(error: SuishoupaiError) -> WerkzeugResponse:
        return _answer(error, doorway)

    @app.errorhandler(DBAPIError)
    def _database(error: DBAPIError) -> WerkzeugResponse:
        if not is_transient(error):
            return _unexpected(error)
        log.warning("database_away", reason=type(error.orig).__name__)
        return _answer(database_away(), doorway)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> WerkzeugResponse:
        if error.code is None or error.code < 400:
            return error.get_response()
        answer = _answer(_from_http(error), doorway)
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            # RFC 9110, 15.5.6: who asks in the wrong way is told the right ones.
            answer.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return answer

    @app.errorhandler(Exception)
    def _unexpected(error: Exception) -> WerkzeugResponse:
        log.error("unexpected", exc_info=error)
        return _answer(
            SuishoupaiError(
                "unexpected",
                Words(
                    "系统出错了,已记录。请稍后再试;如再次出现,请告知编号。",
                    "Something went wrong on our side and was noted. Try again shortly; if it "
                    "happens again, quote the request id.",
                ),
            ),
            doorway,
        )


def not_found() -> NotFound:
    """Return the refusal for what does not exist, or not for the caller."""
    return NotFound(
        "not-found",
        Words("没有找到这个页面或编号。", "There is no such page or number."),
    )


def request_locale() -> str:
    """Return `zh` or `en` for the present request: the person's choice, then Accept-Language."""
    chosen = request.cookies.get("locale", "")
    if chosen in ("zh", "en"):
        return chosen
    best = request.accept_languages.best_match(["zh-CN", "zh", "en"], default="zh")
    return "en" if best == "en" else "zh"


def wants_page() -> bool:
    """Whether the caller is a browser that looks at pages, not a program at the API."""
    if request.path.startswith("/api/") or request.path.startswith("/open311/"):
        return False
    best = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return best == "text/html"


def request_id() -> str | None:
    """Return the present request's id."""
    known: str | None = g.get("request_id")
    return known


def _begin_request() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9-]{8,64}", given) else uuid.uuid4().hex
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _answer(error: SuishoupaiError, doorway: Doorway) -> WerkzeugResponse:
    status = status_of(error)
    doorway.observe(error.code)
    if status < 500 or isinstance(error, Unavailable):
        log.info("refused", code=error.code, status=status, field=error.field)
    if doorway.page_for and wants_page():
        response = make_response(doorway.page_for(error, status), status)
    else:
        problem = problem_of(error, locale=request_locale(), request_id=request_id())
        response = jsonify(problem.model_dump(exclude_none=True))
        response.content_type = CONTENT_TYPE
        response.status_code = status
    if "retry_after_s" in error.facts:
        response.headers["Retry-After"] = str(error.facts["retry_after_s"])
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


_HTTP_WORDS = {
    400: ("body-unreadable", Words("请求的格式读不懂。", "The request can't be read.")),
    405: ("method-not-allowed", Words("这里不支持这种操作。", "This can't be done here.")),
    413: ("too-large", Words("内容太大。", "The request is too large.")),
    415: ("content-type-unsupported", Words("不支持这种内容类型。", "Unsupported content type.")),
}


def _from_http(error: HTTPException) -> SuishoupaiError:
    if error.code == 404:
        return not_found()
    code, words = _HTTP_WORDS.get(
        error.code or 500, ("refused", Words("请求被拒绝。", "The request was refused."))
    )
    return SuishoupaiError(code, words)


def _with_headers(response: Response, doorway: Doorway) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", doorway.content_security_policy)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", doorway.permissions_policy)
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    if doorway.settings.behind_tls:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request_id():
        headers["X-Request-ID"] = str(request_id())
    structlog.contextvars.unbind_contextvars("request_id")
    return response


def _add_health(app: Flask, doorway: Doorway) -> None:
    @app.get("/healthz")
    @enters(Entry.PUBLIC)
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.get("/readyz")
    @enters(Entry.PUBLIC)
    def readyz() -> WerkzeugResponse:
        missing = {}
        for name, check in doorway.ready.items():
            try:
                check()
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, say which
                missing[name] = type(error).__name__
        # A database that is away can't be asked for its notices.
        notices = {} if missing else {name: ask() for name, ask in doorway.notices.items()}
        body = jsonify(status="missing" if missing else "ready", missing=missing, notices=notices)
        return make_response(body, 503 if missing else 200)

    @app.get("/metrics")
    @enters(Entry.OPERATOR)
    def metrics() -> Response:
        return Response(generate_latest(doorway.metrics()), content_type=CONTENT_TYPE_LATEST)


def check_operator(settings: Settings) -> None:
    """Admit the operator's own programs: from this machine, or with METRICS_TOKEN.

    A request that came through a proxy is not from this machine, whatever address
    it seems to have. Raises NotFound for everyone else.
    """
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.metrics_token and hmac.compare_digest(given, settings.metrics_token):
        return
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    if request.remote_addr in ("127.0.0.1", "::1") and not forwarded:
        return
    raise not_found()
