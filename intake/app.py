"""The rider's door: create_app() puts its parts together, from_environment() for gunicorn."""

import gc

from flask import Flask, Response, jsonify
from flask.json.provider import DefaultJSONProvider
from flask_wtf.csrf import generate_csrf
from openapi_pydantic import SecurityScheme

from intake import form
from intake.described import described_routes
from intake.door import Door, attach, open_door
from intake.doorway import Doorway, Entry, check_operator, enters, hang
from intake.identity.entrance import (
    COOKIE,
    find_reporter,
    forget_ended_sessions,
    require_rider,
    require_station,
)
from intake.notices import stuck_deliveries
from intake.problems import problem_table
from intake.readiness import check_disk
from intake.routes import pages, shell, uploads
from intake.routes.account import account
from intake.routes.account_api import account_api
from intake.routes.api_v1 import api
from intake.routes.around_api import around_api
from intake.routes.around_stations import around_stations, around_stations_api
from intake.routes.campaigns import campaigns, campaigns_api
from intake.routes.honours import honour_pages, honours_api
from intake.routes.mall import mall, mall_api
from intake.routes.me_api import me_api
from intake.routes.open_data import open_data, open_data_api
from intake.routes.points import points, points_api
from intake.routes.riders_api import riders_api
from intake.routes.signing import signing
from intake.routes.stations import station_pages, stations_api
from intake.routes.statutory import statutory, statutory_api
from schemas.database import now_utc
from schemas.logs import configure_logs
from schemas.migrate import check_migrated
from schemas.sealing import derive_key
from schemas.settings import Settings, load_settings
from schemas.wire.openapi import build_document

API_VERSION = "1.0.0"
DESCRIPTION = """Riders' tips on food safety.

Every refusal is problem+json (RFC 9457) with a stable `type` and a sentence in zh-CN or
English by Accept-Language. Repeat a request that got no answer with the same
Idempotency-Key: it is taken once, and a repeat is answered even at the rate limit.

"""


def create_app(settings: Settings) -> Flask:
    """Return the WSGI app of the rider's door."""
    app = Flask(__name__, static_folder="web/static", template_folder="web/templates")
    # People read these answers: Chinese as it is written, members in a sensible order.
    app.json = DefaultJSONProvider(app)
    app.json.ensure_ascii = app.json.sort_keys = False
    door = open_door(settings)
    attach(app, door)
    door.metrics.attach(app)
    form.remove_stale_files(door.incoming)
    app.register_blueprint(api)
    app.register_blueprint(around_api)
    app.register_blueprint(riders_api)
    for blueprint in (
        me_api,
        account_api,
        stations_api,
        signing,
        account,
        station_pages,
        points,
        points_api,
        mall,
        mall_api,
        honour_pages,
        honours_api,
        open_data,
        open_data_api,
        around_stations,
        around_stations_api,
        statutory,
        statutory_api,
        campaigns,
        campaigns_api,
    ):
        app.register_blueprint(blueprint)
    _keep_form_tokens(app, settings)
    forget_ended_sessions(app)
    uploads.register(app)
    pages.register(app)
    shell.register(app)
    _add_document(app)
    hang(app, _doorway(door))
    return app


def from_environment() -> Flask:
    """Return the app as the environment sets it up: gunicorn 'intake.app:from_environment()'."""
    settings = load_settings()
    configure_logs(settings, process="intake")
    app = create_app(settings)
    # What the app is made of lives as long as the process: looking through all of it for
    # rubbish again and again takes a twentieth of a busy door's processor time.
    gc.freeze()
    return app


def _keep_form_tokens(app: Flask, settings: Settings) -> None:
    """Sign the CSRF tokens of the pages' forms; nothing else is kept in Flask's own session."""
    newest, *older = (derive_key(key, "rider-forms").hex() for key in settings.secret_keys)
    app.config.update(
        SECRET_KEY=newest,
        SECRET_KEY_FALLBACKS=older,
        # The two doors may share a host name, and cookies know no ports.
        SESSION_COOKIE_NAME="rider_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.behind_tls,
        # A form that lay open all day is good as long as the browser is open.
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.jinja_env.globals["csrf_token"] = generate_csrf


def _doorway(door: Door) -> Doorway:
    settings = door.settings
    return Doorway(
        settings=settings,
        checks={
            Entry.REPORTER: lambda: find_reporter(door),
            Entry.RIDER: lambda: require_rider(door),
            Entry.STATION: lambda: require_station(door),
            Entry.OPERATOR: lambda: check_operator(settings),
        },
        ready={
            "database": lambda: check_migrated(door.database),
            "queue": door.queue.check,
            "photo_store": door.store.check,
            "uploads": door.staging.check,
            "disk": lambda: check_disk(settings.data_dir),
        },
        notices={"undelivered_notices": lambda: _undelivered(door)},
        metrics=door.metrics.registry,
        page_for=pages.page_for,
        observe=door.metrics.observe_refusal,
    )


def _undelivered(door: Door) -> int:
    with door.database.reading() as session:
        return stuck_deliveries(session, now=now_utc())


def _add_document(app: Flask) -> None:
    document: dict[str, object] = {}

    @app.get("/openapi.json")
    @enters(Entry.PUBLIC)
    def openapi() -> Response:
        if not document:
            document.update(openapi_document(app))
        return jsonify(document)


def openapi_document(app: Flask) -> dict[str, object]:
    """Return the OpenAPI document of the routes that the app has."""
    return build_document(
        title="随手拍 · Suishoupai, the rider's door",
        version=API_VERSION,
        description=DESCRIPTION + problem_table(),
        security_schemes={
            "rider": SecurityScheme(
                type="http", scheme="bearer", description="a rider's token, given at the station"
            ),
            "station": SecurityScheme(
                type="http", scheme="bearer", description="the token of a station's terminal"
            ),
            "session": SecurityScheme.model_validate(
                {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "a browser's session, set by POST /api/v1/sessions; a request "
                    "that writes must come from a page of this site",
                }
            ),
        },
        routes=described_routes(app),
    )
