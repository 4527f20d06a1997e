"""The bulletin as open data: an index, each issue's JSON and CSV, a feed, a data dictionary.

All of it is not there (404) unless OPEN_DATA is on. It asks nobody who they are.
"""

from flask import Blueprint, Response, render_template, request, url_for
from pydantic import BaseModel

from intake.bodies import as_json
from intake.bulletins import open_data as core
from intake.bulletins.open_data import OpenIssue
from intake.door import present_door
from intake.doorway import Entry, enters, not_found, request_locale
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.indicators import GROUP_NAMES, NATURE_NAMES, UNIT_NAMES
from schemas.wire.open_data import (
    FeedItem,
    JsonFeed,
    OpenChange,
    OpenIssueDocument,
    OpenIssueLine,
    OpenIssueList,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.words import Words

open_data = Blueprint("open_data", __name__, url_prefix="/open-data")
open_data_api = Blueprint("open_data_api", __name__, url_prefix="/api/v1/open-data")
# The list grows by an issue a week; an issue itself is frozen.
LIST_GOOD_FOR_S, ISSUE_GOOD_FOR_S = 300, 86_400
_CACHED = {"Cache-Control": "good for a while", "ETag": "ask again with If-None-Match"}
_TITLE = Words("食品安全随手拍周报", "Weekly bulletin of food-safety tips")
_AWAY = {404: "not-found", 503: "database-away"}
_NUMBER = Given("number", "path", "an issue's number such as ZB-210100-2026-W46-1")


@open_data.get("")
@enters(Entry.PUBLIC)
def show_issues() -> Response:
    """Show what was published, and how to take it."""
    licence = _licence()
    page = render_template("open_data.html", issues=_issues(), licence=licence, causes=core.CAUSES)
    return _kept(Response(page), LIST_GOOD_FOR_S)


@open_data.get("/dictionary")
@enters(Entry.PUBLIC)
def show_dictionary() -> Response:
    """Say what each column and each figure is, and what is withheld and why."""
    licence = _licence()
    page = render_template(
        "open_dictionary.html",
        licence=licence,
        columns=core.COLUMNS,
        indicators=INDICATORS,
        groups=GROUP_NAMES,
        natures=NATURE_NAMES,
        units=UNIT_NAMES,
        threshold=present_door().settings.bulletin_small_cell,
    )
    return _kept(Response(page), LIST_GOOD_FOR_S)


@open_data_api.get("/issues")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Open data: the published issues of the bulletin, the latest first",
        given=(Given("scope", "query", "GB/T 2260 code of an area; all areas if left out"),),
        answer=Answered(200, "The issues", OpenIssueList, _CACHED),
        refusals=_AWAY,
    )
)
def list_issues() -> Response:
    """List the issues."""
    licence = _licence()
    answer = OpenIssueList(
        licence=licence,
        dictionary_url=url_for("open_data.show_dictionary"),
        feed_url=url_for("open_data_api.show_feed"),
        issues=[OpenIssueLine(**_line(each)) for each in _issues(request.args.get("scope"))],
    )
    return _json(answer, LIST_GOOD_FOR_S)


@open_data_api.get("/issues/<number>.json")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Open data: one issue in its public form, with what a revision shows differently",
        given=(_NUMBER,),
        answer=Answered(200, "The issue", OpenIssueDocument, _CACHED),
        refusals=_AWAY,
    )
)
def show_issue(number: str) -> Response:
    """Show one issue."""
    licence, issue = _licence(), _issue(number)
    with present_door().database.reading() as session:
        before = core.revision_before(session, issue)
    changed = core.changes(before.form, issue.form) if before else []
    answer = OpenIssueDocument(
        **_line(issue),
        licence=licence,
        document=dict(issue.form),
        changes=[OpenChange(**each) for each in changed],
    )
    return _json(answer, ISSUE_GOOD_FOR_S)


@open_data_api.get("/issues/<number>.csv")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Open data: one issue as CSV, in the columns of the dictionary",
        given=(_NUMBER,),
        answer=Answered(200, "The file", files=("text/csv; charset=utf-8",)),
        refusals=_AWAY,
    )
)
def download_issue(number: str) -> Response:
    """Send one issue as CSV."""
    _licence()
    issue = _issue(number)
    answer = Response(core.as_csv(issue, locale=_locale()), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename={issue.number}.csv"
    answer.vary.add("Accept-Language")
    return _kept(answer, ISSUE_GOOD_FOR_S)


@open_data_api.get("/feed.json")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Open data: a feed of issues and revisions (JSON Feed 1.1)",
        answer=Answered(200, "The feed", JsonFeed, _CACHED),
        refusals=_AWAY,
    )
)
def show_feed() -> Response:
    """Show the feed."""
    _licence()
    answer = JsonFeed(
        version="https://jsonfeed.org/version/1.1",
        title=_TITLE.say(_locale()),
        home_page_url=url_for("open_data.show_issues", _external=True),
        feed_url=url_for("open_data_api.show_feed", _external=True),
        language="en" if _locale() == "en" else "zh-CN",
        items=[_item(each) for each in _issues()],
    )
    made = _json(answer, LIST_GOOD_FOR_S)
    made.vary.add("Accept-Language")
    return made


def _licence() -> str:
    """Return the licence line; raises NotFound while open data is off."""
    settings = present_door().settings
    if not settings.open_data:
        raise not_found()
    return settings.open_data_licence


def _issues(scope: str | None = None) -> list[OpenIssue]:
    with present_door().database.reading() as session:
        return core.open_issues(session, scope=scope)


def _issue(number: str) -> OpenIssue:
    with present_door().database.reading() as session:
        found = core.open_issue(session, number=number[:40])
    if found is None:
        raise not_found()
    return found


def _line(issue: OpenIssue) -> dict[str, object]:
    return {
        "number": issue.number,
        "scope": issue.scope,
        "area": issue.area,
        "week": issue.week,
        "revision": issue.revision,
        "published_at": issue.published_at,
        "sha256": issue.sha256,
        "is_empty": issue.is_empty,
        "causes": list(issue.causes),
        "json_url": url_for("open_data_api.show_issue", number=issue.number),
        "csv_url": url_for("open_data_api.download_issue", number=issue.number),
    }


def _item(issue: OpenIssue) -> FeedItem:
    locale = _locale()
    said = Words(
        f"{issue.area} {issue.week} 第 {issue.revision} 版",
        f"{issue.area} {issue.week}, revision {issue.revision}",
    )
    causes = [core.CAUSES[kind].say(locale) for kind in issue.causes]
    first = Words("首次公布。", "First issue.").say(locale)
    return FeedItem(
        id=issue.number,
        url=url_for("open_data_api.show_issue", number=issue.number, _external=True),
        title=said.say(locale),
        content_text="; ".join(causes) if locale == "en" and causes else "；".join(causes) or first,
        date_published=issue.published_at,
    )


def _locale() -> str:
    return "en" if request_locale() == "en" else "zh"


def _json(model: BaseModel, seconds: int) -> Response:
    return _kept(as_json(model), seconds)


def _kept(answer: Response, seconds: int) -> Response:
    answer.headers["Cache-Control"] = f"public, max-age={seconds}"
    answer.add_etag()
    answer.make_conditional(request)
    return answer
