"""The rider's own points: a page, and the same as JSON for the app to keep offline."""

from flask import Blueprint, Response, render_template

from intake.bodies import as_json
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance
from intake.identity.present import account_of
from intake.rewards.honouring import supplies_of
from intake.rewards.statements import Statement, statement_of
from intake.routes.riders_api import RIDER, WHO_REFUSALS
from schemas.database import now_utc
from schemas.points import RULE_NAMES, RULE_TERMS
from schemas.tables import Supply
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.points import PointsLine, PointsRule, PointsStatement, PointsWaiting, SupplyLine

points = Blueprint("points", __name__)
points_api = Blueprint("points_api", __name__, url_prefix="/api/v1/me")


@points.get("/points")
@enters(Entry.RIDER)
def show_points() -> str:
    """Show the rider's points."""
    return render_template(
        "points.html",
        statement=_statement(),
        supplies=_supplies(),
        statutory_rewards=present_door().settings.statutory_rewards,
        rule_names=RULE_NAMES,
        rule_terms=RULE_TERMS,
    )


@points_api.get("/points")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="The rider's points: balance, what waits, and why each line came",
        answer=Answered(200, "The statement", PointsStatement),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def tell_points() -> Response:
    """Tell the rider's points."""
    now, locale = now_utc(), request_locale()
    statement = _statement()
    return as_json(
        PointsStatement(
            as_of=now,
            account=account_of(entrance.rider_of_request()),
            balance=statement.balance,
            pending=statement.pending,
            waiting=[
                PointsWaiting(
                    since=each.since,
                    points=each.points,
                    text=each.words.say(locale),
                    report_number=each.report_number,
                )
                for each in statement.waiting
            ],
            lines=[
                PointsLine(
                    on=each.on,
                    points=each.points,
                    text=each.words.say(locale),
                    report_number=each.report_number,
                )
                for each in statement.lines
            ],
            rules=[
                PointsRule(
                    text=RULE_NAMES[rule].say(locale),
                    terms=RULE_TERMS[rule].say(locale),
                    points=amount,
                )
                for rule, amount in statement.edition.points.items()
            ],
            monthly_cap=statement.edition.monthly_cap_points,
            supplies=[
                SupplyLine(
                    title=each.title,
                    quantity=each.quantity,
                    occasion=each.occasion,
                    given_on=each.given_on,
                )
                for each in _supplies()
            ],
        )
    )


def _statement() -> Statement:
    with present_door().database.reading() as session:
        return statement_of(session, rider_id=entrance.rider_of_request(), now=now_utc())


def _supplies() -> list[Supply]:
    with present_door().database.reading() as session:
        return supplies_of(session, rider_id=entrance.rider_of_request())
