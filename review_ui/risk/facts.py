"""What the map of risk counts: incidents that were verified, each once, and those behind them.

An incident counts as verified where a verification concluded with «verified» in the period
(the bulletin's `verified`), and the case was not reopened since, declared invalid, merged away
or transferred. Several reports of one incident, legal duplicates too, stand in one
case; its cases in several departments share its id: all of them count once.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, cast, exists, extract, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from review_ui.access.scope import in_tree
from schemas.bulletins.territory import prefix_of
from schemas.divisions import NATION_CODE
from schemas.lifecycle import State
from schemas.places import SQUARES_PER_DEGREE
from schemas.tables import Case, CaseHistory, Unit

ROW = 100_000
# 1970 began on a Thursday; weeks are counted from Monday.
_FIRST_WEEKDAY = 3
_SHANGHAI_HOURS = 8
HOURS = 7 * 24


def territory(session: Session, scope: str) -> ColumnElement[bool]:
    """Return the condition on Case that it stands with a unit of a territory."""
    if scope == NATION_CODE:
        return true()
    paths = session.scalars(
        select(Unit.path).where(Unit.division_code.startswith(prefix_of(scope))).order_by(Unit.path)
    )
    tops: list[str] = []
    for path in paths:  # What is above comes first.
        if not path.startswith(tuple(tops)):
            tops.append(path)
    return or_(*(in_tree(path) for path in tops)) if tops else Case.id.is_(None)


def counted(where: ColumnElement[bool], code: str | None) -> list[ColumnElement[bool]]:
    """Return the conditions on Case that it counts at all, in a territory and a category."""
    left = (State.INVALID.value, State.TRANSFERRED.value)
    found = [where, Case.state.not_in(left)]
    if code:
        # No code holds a character that JSON writes otherwise, so that quoting is exact.
        found.append(cast(Case.categories, Text).contains(f'"{code}"', autoescape=True))
    return found


def concluded(begins_at: datetime, ends_at: datetime) -> list[ColumnElement[bool]]:
    """Return the conditions on CaseHistory that it is a verification that still stands."""
    later = aliased(CaseHistory)
    # Written out, since an index holds these rows and no others.
    return [
        CaseHistory.from_state == State.VERIFYING.value,
        CaseHistory.to_state == State.VERIFIED.value,
        CaseHistory.occurred_at >= begins_at,
        CaseHistory.occurred_at < ends_at,
        ~exists().where(
            later.case_id == CaseHistory.case_id,
            later.version > CaseHistory.version,
            later.to_state == State.REOPENED.value,
        ),
    ]


def square(session: Session) -> ColumnElement[int]:
    """Return the number of the square in which a case lies; NULL without a place."""
    row, column = (
        _whole(session, (degrees + beyond) * SQUARES_PER_DEGREE)
        for degrees, beyond in ((Case.latitude, 90), (Case.longitude, 180))
    )
    return row * ROW + column


def hour_of_week(session: Session, moment: InstrumentedAttribute[datetime]) -> ColumnElement[int]:
    """Return the local hour of the week of a moment: 0 is Monday from 0 to 1 o'clock."""
    if _is_sqlite(session):
        seconds: ColumnElement[int] = cast(func.strftime("%s", moment), Integer)
    else:
        seconds = _whole(session, extract("epoch", moment))
    shift = _SHANGHAI_HOURS + 24 * _FIRST_WEEKDAY
    return (seconds // 3600 + shift) % HOURS


def middle_of(number: int) -> tuple[float, float]:
    """Return latitude and longitude of the middle of a square, in degrees."""
    row, column = divmod(number, ROW)
    return round((row + 0.5) / SQUARES_PER_DEGREE - 90, 4), round(
        (column + 0.5) / SQUARES_PER_DEGREE - 180, 4
    )


def _whole(session: Session, value: ColumnElement[Any]) -> ColumnElement[int]:
    # SQLite need not have floor(), and its CAST takes away; nothing here is below zero.
    return cast(value if _is_sqlite(session) else func.floor(value), Integer)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
