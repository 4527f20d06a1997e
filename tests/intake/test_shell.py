"""What makes the door an app: the shell, the service worker, the manifest, the map's outlines."""

import json
import re

import pytest

from intake.identity.consents import LOCATION_TERMS


@pytest.fixture
def dialect() -> str:
    """What is asked here does not depend on the database."""
    return "sqlite"


def kept(client) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        re.match(r"self\.KEPT=(.*);", client.get("/sw.js").text)[1]  # type: ignore[index]
    )
    return found


def test_the_service_worker_keeps_files_that_there_are_and_is_asked_for_anew(client) -> None:
    answer = client.get("/sw.js")
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Cache-Control"] == "no-cache"
    files = kept(client)["files"]
    shell = client.get(str(kept(client)["shell"])).text
    for path in files:
        with client.get(path) as file:
            assert file.status_code == 200
    for used in re.findall(r'(?:href|src)="(/static/dist/[^"]+)"', shell):
        assert used in files


def test_another_edition_of_what_is_kept_is_another_service_worker(client, monkeypatch) -> None:
    before = kept(client)["revision"]
    assert kept(client)["revision"] == before
    monkeypatch.setitem(
        client.application.jinja_env.globals, "app_categories", lambda: '[["NEW", "新", "New"]]'
    )
    assert kept(client)["revision"] != before


def test_the_shell_holds_nothing_of_a_person_and_the_words_of_the_consent(client) -> None:
    page = client.get("/shell").text
    assert "idempotency" not in page
    assert "csrf" not in page
    assert LOCATION_TERMS.version in page
    assert "{years}" not in page


def test_the_app_can_be_installed_in_both_languages(client) -> None:
    for language, name in (("zh-CN", "随手拍"), ("en", "Suishoupai")):
        answer = client.get("/manifest.webmanifest", headers={"Accept-Language": language})
        manifest = json.loads(answer.data)
        assert answer.mimetype == "application/manifest+json"
        assert (manifest["name"], manifest["display"]) == (name, "standalone")
        for icon in manifest["icons"]:
            with client.get(icon["src"]) as file:
                assert file.data.startswith(b"\x89PNG")


def test_outlines_are_the_same_for_everybody_in_a_tenth_of_a_degree(client) -> None:
    one, other = (
        client.get("/api/v1/outlines", query_string={"latitude": latitude, "longitude": longitude})
        for latitude, longitude in ((41.8, 123.4), (41.8311, 123.4149))
    )
    names = {feature["properties"]["name"] for feature in one.get_json()["features"]}
    assert "沈河区" in names
    assert one.data == other.data
    assert one.headers["Cache-Control"] == "public, max-age=86400"
    refused = client.get("/api/v1/outlines", query_string={"latitude": 91, "longitude": 1})
    assert refused.status_code == 422
