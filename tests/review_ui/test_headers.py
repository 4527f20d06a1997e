"""What every answer of the room tells the browser: nothing inline, no frame, no guessing."""

import re
from datetime import UTC, datetime

import pytest

from review_ui.access.entrance import COOKIE
from review_ui.access.sessions import open_session
from review_ui.app import create_app
from schemas.access import Role

SHENHE = "210103"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=(), payment=(), usb=()",
}

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


@pytest.fixture
def everybody(world):
    """Somebody who holds every role, and so sees every page."""
    return world.person("anna", *((role, SHENHE) for role in Role))


def pages(app, case, person):
    """Return the address of every page that is read with GET and has no secret in it."""
    values = {"number": case.number, "staff_id": person.staff_id}
    for rule in app.url_map.iter_rules():
        if "GET" in rule.methods and rule.endpoint != "static" and rule.arguments <= values.keys():
            yield rule.build({name: values[name] for name in rule.arguments})[1]


def test_every_answer_carries_them_and_no_page_has_anything_inline(
    app, world, browse, everybody
) -> None:
    case = world.case(flags=("no-exif",))
    client = browse(everybody)
    walked = list(pages(app, case, everybody))
    assert {"/account", "/account/second-factor", "/staff", "/staff/new"} <= set(walked)
    for path in [*walked, "/nothing", "/photos/not-a-photo"]:
        answer = client.get(path)
        for name, value in ALWAYS.items():
            assert answer.headers[name] == value, (path, name)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert "default-src 'self'" in policy, path
        cached = answer.headers["Cache-Control"]
        is_page = answer.mimetype == "text/html"
        assert "no-store" in cached or (not is_page and cached.startswith("private")), path
        assert "Strict-Transport-Security" not in answer.headers
        if is_page:
            assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), path
            assert not re.search(r"<script>|<style", answer.text), path


def test_behind_tls_every_cookie_is_secure_and_browsers_stay_on_tls(
    settings, world, everybody
) -> None:
    app = create_app(settings.model_copy(update={"behind_tls": True}))
    client = app.test_client()
    with world.database.writing() as session:
        token = open_session(session, staff_id=everybody.staff_id, now=datetime.now(UTC))
    client.set_cookie(COOKIE, token)
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/account").text)[1]
    answers = [
        client.get("/sign-in"),
        client.get("/account", base_url="https://localhost"),
        client.post("/language", data={"csrf_token": csrf, "locale": "en"}),
    ]
    cookies = [c for answer in answers for c in answer.headers.getlist("Set-Cookie")]
    assert cookies
    for cookie in cookies:
        assert "Secure" in cookie, cookie
        assert "HttpOnly" in cookie, cookie
        assert "SameSite=Lax" in cookie, cookie
    for answer in answers:
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    app.extensions["room"].database.close()


def test_no_upload_can_be_read_as_a_page(world, browse, everybody) -> None:
    report = world.report()
    world.case(reports=(report,))
    answer = browse(everybody).get(f"/photos/{world.photo_of(report)}/320.jpg")
    assert answer.content_type == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_wrong_method_is_told_the_right_ones(visitor) -> None:
    answer = visitor.put("/api/v1/cases")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
