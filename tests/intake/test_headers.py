"""What every answer of the rider's door tells the browser."""

import re

import pytest

from intake.app import create_app

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "geolocation=(self), camera=(self), microphone=(self), payment=(), usb=()"
    ),
}


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


def test_every_answer_carries_them_and_no_page_has_anything_inline(client, app) -> None:
    walked = [
        rule.rule
        for rule in app.url_map.iter_rules()
        if "GET" in rule.methods and not rule.arguments
    ]
    assert "/" in walked
    for path in [*walked, "/nothing"]:
        answer = client.get(path, headers={"Accept": "text/html"})
        for name, value in ALWAYS.items():
            assert answer.headers[name] == value, (path, name)
        policy = answer.headers["Content-Security-Policy"]
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        if answer.mimetype == "text/html":
            assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), path
            assert not re.search(r"<script>|<style", answer.text), path
        assert "Strict-Transport-Security" not in answer.headers


def test_behind_tls_the_browser_stays_on_it_and_cookies_are_secure(door_settings) -> None:
    app = create_app(door_settings.model_copy(update={"behind_tls": True}))
    client = app.test_client()
    page = client.get("/", headers={"Accept": "text/html"})
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    for cookie in page.headers.getlist("Set-Cookie"):
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=" in cookie
    app.extensions["door"].database.close()
