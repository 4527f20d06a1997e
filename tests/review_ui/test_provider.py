"""Signing in at an OpenID provider: a real one on the loopback, made of Authlib's server parts."""

import re
import secrets
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pyotp
import pytest
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, jsonify
from joserfc.jwk import RSAKey
from sqlalchemy import func, select
from werkzeug.serving import make_server

from review_ui.access.factors import enrol, new_secret
from review_ui.app import create_app
from schemas.access import Role
from schemas.database import now_utc
from schemas.errors import ConfigurationError
from schemas.sealing import Sealer
from schemas.settings import load_settings
from schemas.tables import AuditEntry, Staff

SHENHE = "210103"
CLIENT_ID, CLIENT_SECRET = "suishoupai", "a client secret"
HERE = "http://localhost"
KEY = RSAKey.generate_key(2048, parameters={"kid": "now"})
FOREIGN_KEY = RSAKey.generate_key(2048, parameters={"kid": "now"})

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


class TheClient(ClientMixin):
    def get_client_id(self):
        return CLIENT_ID

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == f"{HERE}/sign-in/provider/back"

    def check_client_secret(self, client_secret):
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_basic"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return None

    def get_acr(self):
        return None

    def get_amr(self):
        return None


@dataclass
class Office:
    """What the provider says of whoever signs in, and in what it lies."""

    person: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: KEY)
    codes: dict[str, Code] = field(default_factory=dict)
    issuer: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)


def code_grant(office: Office) -> type[AuthorizationCodeGrant]:
    """Return the grant that keeps its codes at the office; each is good once."""

    class Grant(AuthorizationCodeGrant):
        def save_authorization_code(self, code, request):
            data = request.payload.data
            office.codes[code] = Code(
                request.payload.redirect_uri, request.payload.scope, data["nonce"],
                data["code_challenge"], data["code_challenge_method"],
            )  # fmt: skip

        def query_authorization_code(self, code, client):
            return office.codes.get(code)

        def delete_authorization_code(self, authorization_code):
            office.codes.clear()

        def authenticate_user(self, authorization_code):
            return office.person

    return Grant


def identity(office: Office) -> type[OpenIDCode]:
    """Return what signs ID tokens for the office."""

    class Identity(OpenIDCode):
        def exists_nonce(self, nonce, request):
            return False

        def resolve_client_private_key(self, client):
            return office.key

        def get_client_algorithm(self, client):
            return "RS256"

        def get_encode_header(self, client):
            return {"alg": "RS256", "kid": "now"}

        def get_client_claims(self, client):
            return {"iss": office.issuer}

        def generate_user_info(self, user, scope):
            return UserInfo({"sub": "1", **office.person, **office.lies})

    return Identity


def provider_app(office: Office) -> Flask:
    """Return the provider, which demands PKCE and a nonce."""
    app = Flask("office")
    server = AuthorizationServer(app, lambda _id: TheClient(), lambda _token, _request: None)
    extensions = [CodeChallenge(required=True), identity(office)(require_nonce=True)]
    server.register_grant(code_grant(office), extensions)

    @app.get("/.well-known/openid-configuration")
    def metadata():
        return jsonify(
            issuer=office.issuer,
            authorization_endpoint=f"{office.issuer}/authorize",
            token_endpoint=f"{office.issuer}/token",
            jwks_uri=f"{office.issuer}/keys",
            id_token_signing_alg_values_supported=["RS256"],
        )

    @app.get("/keys")
    def keys():
        return jsonify(keys=[KEY.as_dict(private=False)])

    @app.get("/authorize")
    def authorize():
        grant = server.get_consent_grant(end_user=office.person)
        office.asked.append(dict(grant.request.payload.data))
        return server.create_authorization_response(grant_user=office.person, grant=grant)

    @app.post("/token")
    def token():
        return server.create_token_response()

    return app


@pytest.fixture
def office():
    """A provider that listens."""
    made = Office()
    server = make_server("127.0.0.1", 0, provider_app(made), threaded=True)
    made.issuer = f"http://localhost:{server.port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(settings, world, office, _catalogue):
    """A browser before a room that knows the provider."""
    app = create_app(
        settings.model_copy(
            update={
                "oidc_issuer": office.issuer,
                "oidc_client_id": CLIENT_ID,
                "oidc_client_secret": CLIENT_SECRET,
            }
        )
    )
    client = app.test_client()
    client.environ_base["HTTP_ACCEPT"] = "text/html,application/xhtml+xml"
    yield client
    app.extensions["room"].database.close()


def go(client, target="/week"):
    """Go to the provider and come back as its browser would; returns our last answer."""
    away = client.get(f"/sign-in/provider?next={target}")
    assert away.status_code == 302
    back = httpx.get(away.location, trust_env=False)
    assert back.status_code == 302, back.text
    return client.get(back.headers["Location"].removeprefix(HERE))


def test_the_button_is_there_only_where_a_provider_is_set(visit, visitor, world) -> None:
    assert 'href="/sign-in/provider?next=/"' in visit.get("/sign-in").text
    assert "/sign-in/provider" not in visitor.get("/sign-in").text
    assert visitor.get("/sign-in/provider").status_code == 404
    assert visitor.get("/sign-in/provider/back?code=x&state=y").status_code == 404


def test_who_has_an_account_comes_in_by_a_code_with_pkce_and_nonce(visit, world, office) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    office.person = {"preferred_username": " Anna"}
    answer = go(visit)
    assert (answer.status_code, answer.location) == (302, "/week")
    assert visit.get("/").status_code == 200
    (asked,) = office.asked
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["nonce"]) >= 16
    assert len(asked["state"]) >= 16
    with world.database.reading() as session:
        (entry,) = session.scalars(select(AuditEntry).where(AuditEntry.action == "signed_in"))
    assert (entry.subject_id, entry.after) == (person.staff_id, {"by": "provider"})


@pytest.mark.parametrize(
    ("claims", "comes_in"),
    [
        ({"email": "anna@bureau.example", "email_verified": True}, True),
        ({"email": "ANNA@bureau.example", "email_verified": True}, True),
        ({"email": "anna@bureau.example", "email_verified": False}, False),
        ({"email": "anna@bureau.example"}, False),
        ({"email": "anna@bureau.example", "email_verified": "true"}, False),
        ({"preferred_username": "stranger"}, False),
        ({"preferred_username": "bob", "email": "anna@bureau.example", "email_verified": True},
         False),
        ({"preferred_username": "gone"}, False),
        ({}, False),
    ],
)  # fmt: skip
def test_only_a_verified_address_or_the_name_of_one_person_matches(
    visit, world, office, claims, comes_in
) -> None:
    world.person("anna@bureau.example", (Role.INSPECTOR, SHENHE))
    world.person("bob", (Role.INSPECTOR, SHENHE))
    gone = world.person("gone", (Role.INSPECTOR, SHENHE))
    with world.database.writing() as session:
        session.get_one(Staff, gone.staff_id).is_active = False
    office.person = claims
    answer = go(visit)
    assert answer.status_code == (302 if comes_in else 403)
    assert (visit.get("/").status_code == 200) == comes_in
    with world.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Staff)) == 3


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"iss": "https://elsewhere.example"},
        {"aud": ["somebody-else"]},
        {"exp": 1_000_000_000},
    ],
    ids=lambda lies: next(iter(lies)),
)
def test_an_identity_that_does_not_fit_is_refused(visit, world, office, lies) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    office.person, office.lies = {"preferred_username": "anna"}, lies
    answer = go(visit)
    assert answer.status_code == 403
    assert "统一登录没有成功" in answer.text
    assert visit.get("/").status_code == 302


def test_an_identity_signed_with_another_key_is_refused(visit, world, office) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    office.person, office.key = {"preferred_username": "anna"}, FOREIGN_KEY
    assert go(visit).status_code == 403


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(visit, world, office) -> None:
    world.person("anna", (Role.INSPECTOR, SHENHE))
    office.person = {"preferred_username": "anna"}
    away = visit.get("/sign-in/provider")
    back = httpx.get(away.location, trust_env=False).headers["Location"].removeprefix(HERE)
    other = visit.application.test_client()
    other.environ_base = visit.environ_base
    assert other.get(back).status_code == 403
    for path in ("/sign-in/provider/back", "/sign-in/provider/back?error=access_denied&state=x"):
        assert visit.get(path).status_code == 403
    # Another code in the right state: the provider does not know it.
    state = parse_qs(urlsplit(back).query)["state"][0]
    guessed = f"/sign-in/provider/back?code={secrets.token_hex(8)}&state={state}"
    assert visit.get(guessed).status_code == 403
    assert visit.get("/").status_code == 302


def test_a_second_factor_is_asked_after_the_provider_too(visit, world, office, settings) -> None:
    person = world.person("anna", (Role.INSPECTOR, SHENHE))
    secret, now = new_secret(), now_utc()
    with world.database.writing() as session:
        enrol(
            session,
            staff=session.get_one(Staff, person.staff_id),
            sealer=Sealer(settings),
            secret=secret,
            code=pyotp.TOTP(secret).at(now - timedelta(seconds=30)),
            now=now,
        )
    office.person = {"preferred_username": "anna"}
    assert go(visit).location == "/sign-in/code?next=/week"
    page = visit.get("/sign-in/code").text
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    fields = {"csrf_token": csrf, "code": pyotp.TOTP(secret).now()}
    assert visit.post("/sign-in/code", data=fields).status_code == 302
    assert visit.get("/").status_code == 200


@pytest.mark.usefixtures("_catalogue")
def test_a_provider_that_is_away_is_said_so(settings, world) -> None:
    app = create_app(
        settings.model_copy(
            update={
                "oidc_issuer": "http://localhost:9",
                "oidc_client_id": CLIENT_ID,
                "oidc_client_secret": CLIENT_SECRET,
            }
        )
    )
    answer = app.test_client().get("/sign-in/provider", headers={"Accept": "text/html"})
    assert answer.status_code == 503
    assert "统一登录服务暂时不可用" in answer.text
    app.extensions["room"].database.close()


@pytest.mark.parametrize(
    "given",
    [
        {"OIDC_ISSUER": "https://login.example"},
        {"OIDC_CLIENT_ID": "x"},
        {"OIDC_ISSUER": "http://login.example", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "y"},
        {"OIDC_ISSUER": "login.example", "OIDC_CLIENT_ID": "x", "OIDC_CLIENT_SECRET": "y"},
    ],
)
def test_half_a_provider_or_one_without_tls_is_refused_at_start(dialect, tmp_path, given) -> None:
    with pytest.raises(ConfigurationError, match="OIDC_ISSUER"):
        load_settings(given, data_dir=tmp_path)
