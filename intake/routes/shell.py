"""What makes the rider's door an app on the phone: its shell, its service worker, its manifest."""

import hashlib
import json
from pathlib import Path

from flask import Blueprint, Flask, Response, jsonify, render_template, url_for
from flask_babel import gettext

from intake.bundle import read_bundle
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity.consents import LOCATION_TERMS
from schemas.taxonomy import CATEGORIES
from schemas.wire.reports import MAX_PHOTOS

shell = Blueprint("shell", __name__)
WEB = Path(__file__).parents[1] / "web"
# What the phone keeps so that the app opens without a network. The map comes when it opens.
KEPT = ("app.js", "app.css")
KEPT_AS_THEY_ARE = ("icons.svg", "favicon.svg")
ACCENT = "#0b5d4a"


def register(app: Flask) -> None:
    """Add the app's pages, and what templates need to name its files."""
    names = read_bundle(WEB, required=False)

    def asset(name: str) -> str:
        return url_for("static", filename=f"dist/{names.get(name, name)}")

    app.jinja_env.globals["asset"] = asset
    app.jinja_env.globals["app_categories"] = app_categories
    app.jinja_env.globals["app_terms"] = app_terms
    app.jinja_env.globals["app_max_photos"] = MAX_PHOTOS
    app.register_blueprint(shell)


def app_categories() -> str:
    """Return the taxonomy as the app reads it: JSON of [code, Chinese, English] each."""
    return json.dumps(
        [[item.code, item.words.zh, item.words.en] for item in CATEGORIES], ensure_ascii=False
    )


def app_terms() -> str:
    """Return the words of the consent to use the phone's place, as JSON for the app."""
    years = present_door().settings.retention_years
    both = [
        {"zh": words.zh.format(years=years), "en": words.en.format(years=years)}
        for words in (LOCATION_TERMS.title, *LOCATION_TERMS.paragraphs)
    ]
    terms = {"version": LOCATION_TERMS.version, "title": both[0], "paragraphs": both[1:]}
    return json.dumps(terms, ensure_ascii=False)


@shell.get("/shell")
@enters(Entry.PUBLIC)
def show_shell() -> str:
    """Show the app without anything of a person: the page that the phone keeps."""
    return render_template("shell.html")


@shell.get("/sw.js")
@enters(Entry.PUBLIC)
def service_worker() -> Response:
    """Send the service worker, which begins with what it is to keep.

    A browser compares the whole file: it fetches all anew when anything kept has changed.
    """
    names = read_bundle(WEB, required=True)
    files = [url_for("static", filename=f"dist/{names[name]}") for name in KEPT]
    files += [url_for("static", filename=name) for name in KEPT_AS_THEY_ARE]
    sums = hashlib.sha256(render_template("shell.html").encode())
    for name in KEPT_AS_THEY_ARE:
        sums.update((WEB / "static" / name).read_bytes())
    kept = {"revision": sums.hexdigest()[:16], "shell": url_for("shell.show_shell"), "files": files}
    script = (WEB / "static" / "dist" / names["sw.js"]).read_text()
    response = Response(f"self.KEPT={json.dumps(kept)};\n{script}", mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@shell.get("/manifest.webmanifest")
@enters(Entry.PUBLIC)
def manifest() -> Response:
    """Describe the app to a phone that installs it."""
    icons = [
        {
            "src": url_for("static", filename=f"app-icon-{size}{kind}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": "maskable" if kind else "any",
        }
        for size, kind in ((192, ""), (512, ""), (512, "-maskable"))
    ]
    response = jsonify(
        {
            "id": "/",
            "name": gettext("随手拍"),
            "short_name": gettext("随手拍"),
            "description": gettext("拍下食品安全隐患，商家永远不会知道是谁举报的。"),
            "lang": "en" if request_locale() == "en" else "zh-CN",
            "start_url": "/",
            "scope": "/",
            "display": "standalone",
            "orientation": "portrait",
            "theme_color": ACCENT,
            "background_color": "#f4f6f3",
            "icons": icons,
        }
    )
    response.content_type = "application/manifest+json"
    response.vary.add("Accept-Language")
    return response
