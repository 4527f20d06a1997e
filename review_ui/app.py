"""The inspectors' room as a Flask application."""

from flask import Flask, g, get_flashed_messages, render_template, request
from flask_babel import Babel
from flask_wtf.csrf import ValidationError, validate_csrf

from intake.bulletins.subscribers import undelivered, unsigned
from intake.bundle import read_bundle
from intake.doorway import Doorway, hang, request_id, request_locale
from intake.fonts import find_chinese_font
from intake.photos import make_store
from intake.queueing import DoorQueue
from review_ui.access.attempts import AttemptLimits
from review_ui.access.entrance import checks, guard_forms, kept_form
from review_ui.access.passwords import password_matches
from review_ui.access.provider import Provider
from review_ui.lists.overviews import Overviews
from review_ui.metrics import RoomMetrics
from review_ui.presenting import add_filters
from review_ui.room import WEB, Room
from review_ui.routes.account import account
from review_ui.routes.acts import acts
from review_ui.routes.administration import staff_pages
from review_ui.routes.api import api
from review_ui.routes.audit import audit_log
from review_ui.routes.bulk import bulk
from review_ui.routes.bulletin_files import bulletin_files, bulletins_api
from review_ui.routes.bulletin_issues import bulletin_issues
from review_ui.routes.bulletin_subscribers import bulletin_subscribers, bulletin_subscribers_api
from review_ui.routes.bulletins import bulletins
from review_ui.routes.campaigns import campaigns
from review_ui.routes.campaigns_api import campaigns_api
from review_ui.routes.cases import cases
from review_ui.routes.draws import draws
from review_ui.routes.draws_api import draws_api
from review_ui.routes.evidence import evidence, evidence_api
from review_ui.routes.holds import holds, holds_api
from review_ui.routes.joining import joining, joining_api
from review_ui.routes.map import case_map
from review_ui.routes.notes import notes
from review_ui.routes.notes_api import notes_api
from review_ui.routes.offers import offers, offers_api
from review_ui.routes.photos import photos
from review_ui.routes.provider import provider_pages
from review_ui.routes.queue import queue
from review_ui.routes.rewards import rewards
from review_ui.routes.rewards_api import rewards_api
from review_ui.routes.risk import risk, risk_api
from review_ui.routes.second_step import second_step
from review_ui.routes.signing import signing
from review_ui.routes.stations import stations, stations_api
from review_ui.routes.statutory import statutory, statutory_api
from review_ui.routes.suggestions import suggestions, suggestions_api
from review_ui.routes.thanks import thanks, thanks_api
from review_ui.routes.unsealing import unsealing, unsealing_api
from review_ui.routes.views import views
from review_ui.routes.week import week
from schemas.access import ROLE_NAMES, Right
from schemas.calendars import LiveCalendar
from schemas.database import connect, now_utc
from schemas.errors import ConfigurationError, NotSignedIn, SuishoupaiError
from schemas.logs import configure_logs
from schemas.measures import NightWork, night_work, provisional_due_dates
from schemas.migrate import check_migrated
from schemas.outlines import Outlines
from schemas.sealing import derive_key
from schemas.settings import Settings, load_settings
from schemas.workdays import NO_OVERRIDES, read_calendar

MAX_FORM_BYTES = 1024 * 1024
STATIC_FOR_S = 365 * 86_400


def _provisional(room: Room) -> int:
    with room.database.reading() as session:
        return provisional_due_dates(session)


def _night(room: Room) -> NightWork:
    with room.database.reading() as session:
        return night_work(session)


def _undelivered(room: Room) -> int:
    with room.database.reading() as session:
        return undelivered(session, now=now_utc())


def _unsigned(room: Room) -> int:
    with room.database.reading() as session:
        return len(unsigned(session, now=now_utc()))


def _font_missing() -> int:
    try:
        find_chinese_font()
    except ConfigurationError:
        return 1
    return 0


def from_environment() -> Flask:
    """Make the application for a server process, from the environment."""
    settings = load_settings()
    configure_logs(settings, process="review")
    return create_app(settings)


def create_app(settings: Settings) -> Flask:
    """Make the application; opens no connection yet."""
    app = Flask(
        "review_ui",
        static_folder=str(WEB / "static"),
        template_folder=str(WEB / "templates"),
    )
    room = _furnish(app, settings)
    app.extensions["room"] = room
    _configure(app, settings)
    add_filters(app)
    _add_globals(app, settings)
    for blueprint in (
        signing,
        second_step,
        provider_pages,
        account,
        staff_pages,
        queue,
        bulk,
        views,
        case_map,
        cases,
        acts,
        notes,
        notes_api,
        photos,
        week,
        bulletins,
        bulletin_issues,
        bulletin_files,
        bulletin_subscribers,
        bulletin_subscribers_api,
        bulletins_api,
        api,
        unsealing,
        unsealing_api,
        audit_log,
        evidence,
        evidence_api,
        suggestions,
        suggestions_api,
        joining,
        joining_api,
        holds,
        holds_api,
        rewards,
        rewards_api,
        offers,
        offers_api,
        stations,
        stations_api,
        thanks,
        thanks_api,
        statutory,
        statutory_api,
        campaigns,
        campaigns_api,
        risk,
        risk_api,
        draws,
        draws_api,
    ):
        app.register_blueprint(blueprint)
    hang(
        app,
        Doorway(
            settings=settings,
            checks=checks(settings),
            ready={
                "database": room.database.check,
                "migrations": lambda: check_migrated(room.database),
                "queue": room.queue.check,
                "photos": room.store.check,
                "pages": lambda: read_bundle(WEB, required=True),
            },
            notices={
                "provisional_due_dates": lambda: _provisional(room),
                "chinese_font_missing": _font_missing,
                "audit_chain_broken": lambda: int(_night(room).fault is not None),
                "audit_verified_hours_ago": lambda: _night(room).hours_since_verification(
                    now_utc()
                ),
                "undelivered_bulletins": lambda: _undelivered(room),
                "bulletins_to_sign": lambda: _unsigned(room),
                "riders_due_for_erasure": lambda: _night(room).due_for_erasure,
            },
            metrics=room.metrics.registry,
            page_for=_refusal_page,
            observe=room.metrics.observe_refusal,
            content_security_policy=_policy(settings),
            # The room asks a browser for nothing but pages.
            permissions_policy="geolocation=(), camera=(), microphone=(), payment=(), usb=()",
        ),
    )
    guard_forms(
        app,
        exempt=(
            api.name,
            notes_api.name,
            unsealing_api.name,
            evidence_api.name,
            holds_api.name,
            rewards_api.name,
            suggestions_api.name,
            joining_api.name,
            offers_api.name,
            stations_api.name,
            bulletins_api.name,
            bulletin_subscribers_api.name,
            thanks_api.name,
            statutory_api.name,
            campaigns_api.name,
            risk_api.name,
            draws_api.name,
        ),
    )
    # The first unknown name must not take longer than the second: make the hash that
    # stands for nobody's now.
    password_matches(None, "")
    return app


def _furnish(app: Flask, settings: Settings) -> Room:
    database = connect(settings)
    return Room(
        settings=settings,
        database=database,
        store=make_store(settings),
        queue=DoorQueue(settings),
        calendars=LiveCalendar(
            database,
            read_calendar(settings.workdays_file) if settings.workdays_file else NO_OVERRIDES,
        ),
        outlines=Outlines(),
        overviews=Overviews(),
        attempts=AttemptLimits(settings),
        metrics=RoomMetrics(database),
        provider=Provider(app, settings) if settings.oidc_issuer else None,
    )


def _configure(app: Flask, settings: Settings) -> None:
    newest, *older = (derive_key(key, "review-forms").hex() for key in settings.secret_keys)
    app.config.update(
        SECRET_KEY=newest,
        SECRET_KEY_FALLBACKS=older,
        # The two doors may share a host name, and cookies know no ports.
        SESSION_COOKIE_NAME="review_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.behind_tls,
        MAX_CONTENT_LENGTH=MAX_FORM_BYTES,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_BYTES,
        SEND_FILE_MAX_AGE_DEFAULT=STATIC_FOR_S,
        BABEL_TRANSLATION_DIRECTORIES=str(WEB / "translations"),
        BABEL_DEFAULT_LOCALE="zh",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Babel(app, locale_selector=request_locale)


def _add_globals(app: Flask, settings: Settings) -> None:
    names = read_bundle(WEB, required=False)

    @app.context_processor
    def _globals() -> dict[str, object]:
        return {
            "locale": request_locale(),
            "person": g.get("person"),
            "role_names": ROLE_NAMES,
            "rights": Right,
            "has_provider": bool(settings.oidc_issuer),
            "statutory_rewards": settings.statutory_rewards,
            "flashed": get_flashed_messages,
        }

    def asset(name: str) -> str:
        return f"/static/dist/{names.get(name, name)}"

    app.jinja_env.globals["asset"] = asset


def _policy(settings: Settings) -> str:
    tiles = ""
    if settings.tile_url:
        scheme, _, rest = settings.tile_url.partition("://")
        host = rest.partition("/")[0].replace("{s}", "*")
        tiles = f" {scheme}://{host}"
    return (
        f"default-src 'self'; img-src 'self' data: blob:{tiles}; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _refusal_page(error: SuishoupaiError, status: int) -> str:
    if isinstance(error, NotSignedIn):
        is_ours = request.method == "POST" and _has_valid_token()
        return render_template(
            "sign_in.html",
            next=request.path if is_ours else "/",
            kept=kept_form() if is_ours else "",
            notice=error.words,
        )
    return render_template("refused.html", error=error, status=status, request_id=request_id())


def _has_valid_token() -> bool:
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        return False
    return True
