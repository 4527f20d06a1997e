"""The map of risk: hot squares, shops verified again and again, hours; as a page, JSON and CSV."""

from dataclasses import dataclass

from flask import Blueprint, Response, jsonify, render_template, request
from sqlalchemy.orm import Session

from intake.bodies import as_json
from intake.doorway import Entry, enters, not_found
from review_ui.access.scope import visible_cases
from review_ui.bulletins.showing import allowed_scope, may_at, territories
from review_ui.risk.asking import Asked, Base, read_asked
from review_ui.risk.cells import Cell, Squares, squares
from review_ui.risk.facts import territory
from review_ui.risk.files import WEEKDAYS, Table, cells_file, hours_file, shops_file, step_words
from review_ui.risk.hours import Hours, hours
from review_ui.risk.shops import Shop, shops
from review_ui.risk.statistic import FALSE_DISCOVERIES
from review_ui.room import person, room, today
from schemas import audit
from schemas.access import Right
from schemas.places import SQUARES_PER_DEGREE
from schemas.taxonomy import CATEGORIES
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.risk import RiskAnswer, RiskCell, RiskHours, RiskShop

risk = Blueprint("risk", __name__, url_prefix="/risk")
risk_api = Blueprint("risk_api", __name__, url_prefix="/api/v1/risk")
# More squares than a person looks at, or than a map shows apart.
MOST_CELLS = 300
_OUTLINES_FOR_S = 3600
_CSV = "text/csv; charset=utf-8"
_ASKED = (
    Given("scope", "query", "GB/T 2260 code of the area; the caller's own if left out"),
    Given("from", "query", "the first day, such as 2026-08-24; 13 weeks back if left out"),
    Given("to", "query", "the last day, included; today if left out"),
    Given("category", "query", "a hazard category's code; all if left out"),
    Given("base", "query", "tips (share of the incidents reported) or even; tips if left out"),
)
_REFUSALS = {
    401: "token-unknown",
    404: "not-found",
    422: "risk-period-invalid, risk-base-unknown, category-unknown",
    503: "database-away",
}


@dataclass(frozen=True, slots=True)
class View:
    """All that the page shows; `shops` is None for who sees no cases of the area."""

    asked: Asked
    squares: Squares
    cells: tuple[Cell, ...]
    hours: Hours
    shops: list[Shop] | None


@risk.get("")
@enters(Entry.SEE_COUNTS)
def show_risk() -> str:
    """Show the map, the hot squares, the shops and the hours."""
    view = _view()
    return render_template(
        "risk.html",
        view=view,
        cells=view.cells[:MOST_CELLS],
        side=1 / SQUARES_PER_DEGREE,
        bases=Base,
        categories=CATEGORIES,
        territories=territories(person()),
        weekdays=WEEKDAYS,
        step_words=step_words,
        small_cell=room().settings.bulletin_small_cell,
        percent=round(FALSE_DISCOVERIES * 100),
        tile_url=room().settings.tile_url,
        may_campaign=person().may(Right.RUN_CAMPAIGNS),
        today=today(),
    )


@risk.get("/outlines.json")
@enters(Entry.SEE_COUNTS)
def show_outlines() -> Response:
    """Return the outlines of an area's counties."""
    scope = allowed_scope(person(), request.args.get("scope"))
    with room().database.reading() as db:
        answer = jsonify(room().outlines.within(db, codes={scope}, on=today()))
    answer.headers["Cache-Control"] = f"private, max-age={_OUTLINES_FOR_S}"
    return answer


@risk.get("/files/<table>.csv")
@enters(Entry.SEE_COUNTS)
def download(table: str) -> Response:
    """Send one of the tables as a file."""
    if table not in set(Table):
        raise not_found()
    view = _view()
    if table == Table.SHOPS:
        if view.shops is None:
            raise not_found()
        with room().database.writing() as db:
            _note_export(db, len(view.shops))
        data = shops_file(view.shops)
    else:
        data = cells_file(view.cells) if table == Table.CELLS else hours_file(view.hours)
    answer = Response(data, content_type=_CSV)
    answer.headers["Content-Disposition"] = f"attachment; filename=risk-{table}.csv"
    answer.headers["Cache-Control"] = "no-store, max-age=0"
    return answer


@risk_api.get("")
@enters(Entry.SEE_COUNTS)
@describes(
    Described(
        summary="Where and when more was verified than to be expected, and repeated shops",
        given=_ASKED,
        answer=Answered(200, "Hints, no findings", RiskAnswer),
        refusals=_REFUSALS,
        security=("staff",),
    )
)
def show_for_program() -> Response:
    """Show the same to a program."""
    view = _view()
    return as_json(
        RiskAnswer(
            scope=view.asked.scope,
            first_on=view.asked.first,
            last_on=view.asked.last,
            category=view.asked.category,
            base=view.asked.base.value,
            tips=view.squares.tips,
            verified=view.squares.verified,
            without_place=view.squares.without_place,
            cells=[_cell(each) for each in view.cells],
            hours=RiskHours(
                first_week=view.hours.quarter.first.name,
                last_week=view.hours.quarter.last.name,
                step_width=view.hours.width,
                steps=[list(line) for line in view.hours.steps],
            ),
            shops=None if view.shops is None else [_shop(each) for each in view.shops],
        )
    )


def _view() -> View:
    asked = read_asked(request.args, staff=person(), today=today())
    small_cell = room().settings.bulletin_small_cell
    sees_cases = may_at(person(), asked.scope, Right.SEE_CASES)
    with room().database.reading() as db:
        where = territory(db, asked.scope)
        found = squares(db, asked=asked, where=where)
        return View(
            asked=asked,
            squares=found,
            cells=found.shown_to(sees_cases=sees_cases, small_cell=small_cell),
            hours=hours(db, asked=asked, where=where, small_cell=small_cell),
            shops=shops(
                db,
                where=(where, visible_cases(person())),
                begins_at=asked.begins_at,
                ends_at=asked.ends_at,
                category=asked.category,
            )
            if sees_cases
            else None,
        )


def _note_export(session: Session, count: int) -> None:
    audit.record(
        session,
        actor=audit.Actor("staff", person().staff_id),
        action="repeat_shops_exported",
        subject=("staff", person().staff_id),
        after={"rows": count},
    )


def _cell(cell: Cell) -> RiskCell:
    return RiskCell(
        county=cell.county,
        latitude=cell.latitude,
        longitude=cell.longitude,
        tips=cell.tips,
        verified=cell.verified,
        expected=round(cell.expected, 2),
        probability=cell.probability,
        hot=cell.is_hot,
    )


def _shop(shop: Shop) -> RiskShop:
    return RiskShop(
        name=shop.name,
        credit_code=shop.credit_code,
        county=shop.county,
        verified=shop.cases,
        last_on=shop.last_on,
        cases=list(shop.numbers),
    )
