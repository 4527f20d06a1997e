"""The weekly bulletin's pages: one week, two beside each other, months and years, a wall screen."""

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.bulletins.choropleth import Choropleth, map_of
from intake.bulletins.editions import COLUMNS
from intake.bulletins.figures import changed, figure, row_words
from intake.doorway import Entry, enters, not_found
from review_ui.access.scope import visible_cases
from review_ui.bulletins.deltas import deltas_of
from review_ui.bulletins.periods import (
    neighbours,
    period_of,
    read_period,
    summed,
    trend,
    year_until,
)
from review_ui.bulletins.showing import (
    Shown,
    allowed_scope,
    issues_of,
    may_at,
    present_bulletin,
    territories,
)
from review_ui.bulletins.tables import tables_of
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.bulletins.behind import cases_behind, has_cases
from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.indicators import GROUP_NAMES, NATURE_NAMES, UNIT_NAMES, Nature
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.tables import Case
from schemas.weeks import Week, read_week, week_of

bulletins = Blueprint("bulletins", __name__, url_prefix="/bulletins")
# More cases than a person looks through one by one.
MOST_CASES = 300
_BATCH = 500


@bulletins.get("")
@enters(Entry.SEE_COUNTS)
def show_bulletin() -> str:
    """Show one week's bulletin of a territory, or one of its revisions."""
    week, scope = asked_week(), allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        found = present_bulletin(db, week=week, scope=scope, revision=asked_revision())
        return render_template(
            "bulletin.html",
            **_facts(found),
            tables=tables_of(found.bulletin, order=request.args.get("sort", "")),
            year=year_until(db, found.bulletin),
            map=drawn_map(db, found.bulletin),
            revisions=issues_of(db, scope=scope, week=week),
            deltas=deltas_of(found.issue),
            month=period_of(week, year=False),
            calendar_year=period_of(week, year=True),
            territories=territories(person()),
            may_sign=may_at(person(), scope, Right.PUBLISH_BULLETINS),
            may_see_cases=may_at(person(), scope, Right.SEE_CASES),
        )


@bulletins.get("/screen")
@enters(Entry.SEE_COUNTS)
def show_screen() -> str:
    """Show the week on a screen at a wall, which looks again by itself."""
    week, scope = asked_week(), allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        found = present_bulletin(db, week=week, scope=scope, revision=None)
        areas = [each for each in tables_of(found.bulletin) if each.key == Table.COUNTY]
        return render_template(
            "bulletin_screen.html",
            **_facts(found),
            areas=areas or tables_of(found.bulletin)[:1],
            map=drawn_map(db, found.bulletin),
            now=moment(),
        )


@bulletins.get("/compare")
@enters(Entry.SEE_COUNTS)
def compare_weeks() -> str:
    """Show two weeks beside each other."""
    scope, week = allowed_scope(person(), request.args.get("scope")), asked_week()
    name = request.args.get("with")
    other = min(read_week(name), week_of(moment())) if name else week.after(-1)
    with room().database.reading() as db:
        one = present_bulletin(db, week=week, scope=scope, revision=None)
        two = present_bulletin(db, week=other, scope=scope, revision=None)
    names = [each for each in Table if each in one.bulletin.tables or each in two.bulletin.tables]
    return render_template(
        "bulletin_compare.html", **_facts(one), two=two, names=names, row_words=row_words
    )


@bulletins.get("/periods")
@enters(Entry.SEE_COUNTS)
def show_period() -> str:
    """Show a month or a year, made of whole weeks."""
    scope, present = allowed_scope(person(), request.args.get("scope")), week_of(moment())
    period = read_period(request.args.get("period") or period_of(present, year=False))
    with room().database.reading() as db:
        weeks = trend(db, scope=scope, weeks=period.weeks)
    earlier, later = neighbours(period, present=present)
    return render_template(
        "bulletin_period.html",
        scope=scope,
        period=period,
        weeks=[each for each in weeks if each.week <= present],
        totals=summed(weeks),
        earlier=earlier,
        later=later,
        other=period_of(period.weeks[0], year=not period.is_year),
        **WORDS,
    )


@bulletins.get("/cases")
@enters(Entry.SEE_CASES)
def show_cases_behind() -> str:
    """List the cases behind a figure, as far as they are theirs to see."""
    scope = allowed_scope(person(), request.args.get("scope"), Right.SEE_CASES)
    key = request.args.get("figure", "received")
    table, row = request.args.get("table"), request.args.get("row")
    if key not in INDICATORS or not has_cases(key) or (table and table not in set(Table)):
        raise not_found()
    with room().database.reading() as db:
        found = present_bulletin(db, week=asked_week(), scope=scope, revision=asked_revision())
        shares = list(cases_behind(db, found.bulletin, key=key, table=table, row=row))
        adds = {share.case_id: share.adds for share in shares}
        cases = _visible(db, list(adds))
        return render_template(
            "bulletin_cases.html",
            **_facts(found),
            key=key,
            where=row_words(table, row) if table and row else None,
            cases=cases,
            adds=adds,
            number=len(shares),
            today=today(),
        )


@bulletins.get("/definitions")
@enters(Entry.SEE_COUNTS)
def show_definitions() -> str:
    """Say what each figure counts, and what the columns of the files hold."""
    return render_template("bulletin_definitions.html", columns=COLUMNS, **WORDS)


WORDS: dict[str, Any] = {
    "indicators": INDICATORS,
    "groups": GROUP_NAMES,
    "natures": NATURE_NAMES,
    "units": UNIT_NAMES,
    "nature": Nature,
    "table_names": {table.value: TABLE_NAMES[table] for table in Table},
    "figure": figure,
    "changed": changed,
    "has_cases": has_cases,
    "flows": {
        group: [
            key
            for key, each in INDICATORS.items()
            if each.group is group and each.nature is Nature.FLOW
        ]
        for group in GROUP_NAMES
    },
    "stocks": [key for key, each in INDICATORS.items() if each.nature is Nature.STOCK],
    "cohort_keys": [key for key, each in INDICATORS.items() if each.nature is Nature.COHORT],
}


def asked_week() -> Week:
    """Return the week of the address, the present one where it names none or a later one."""
    present, name = week_of(moment()), request.args.get("week")
    return min(read_week(name), present) if name else present


def asked_revision() -> int | None:
    """Return the revision of the address, None where it names none."""
    text = request.args.get("revision", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 else None


def _facts(found: Shown) -> dict[str, Any]:
    return WORDS | {
        "shown": found,
        "bulletin": found.bulletin,
        "headlines": HEADLINES,
        "present": week_of(moment()),
        # An issue of an older method has no figures of what only later ones count.
        "flows": {
            group: [key for key in keys if key in found.bulletin.totals]
            for group, keys in WORDS["flows"].items()
        },
    }


def drawn_map(session: Session, bulletin: Bulletin) -> Choropleth | None:
    """Return the map of a bulletin, where it counts by county or by province."""
    return map_of(session, outlines=room().outlines, bulletin=bulletin, on=today())


def _visible(session: Session, ids: list[Any]) -> list[Case]:
    """Return those of the cases that are theirs to see, the latest received first."""
    found: list[Case] = []
    for start in range(0, len(ids), _BATCH):
        found += session.scalars(
            select(Case).where(
                Case.id.in_(ids[start : start + _BATCH]), visible_cases(person(), Right.SEE_CASES)
            )
        )
    return sorted(found, key=lambda case: case.received_at, reverse=True)[:MOST_CASES]
