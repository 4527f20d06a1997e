"""Which cases can add anything to a week of a territory: more than enough, and never too few.

Read from the spans that triggers keep (schemas.tables.spans): a case adds to a week only
if something happened to it then, or it was open, or its first report was received in
one of the weeks that are followed up.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from schemas.bulletins.counting import COHORT_WEEKS, Frame
from schemas.tables import CaseSpan
from schemas.tables.spans import CLASS_DAYS, LONGEST_CLASS, OPEN_CLASS

# So many ids are fetched at a time: a national week has hundreds of thousands.
_AT_A_TIME = 10_000


def cases_of_week(session: Session, frame: Frame) -> Iterator[UUID]:
    """Yield the ids of the cases to look at, each once, in order."""
    first, last = _day(frame.week.begins_at), _day(frame.as_of)
    received_since = first - (COHORT_WEEKS * 7 if frame.with_cohorts else 0)
    touching = or_(*_touching(first, last, received_since))
    query = select(CaseSpan.case_id).distinct().where(touching)
    if not frame.scope.is_nation:
        # Put in order here: asked for an order, a database walks through the whole country.
        yield from sorted(session.scalars(query.where(CaseSpan.unit_id.in_(frame.scope.units))))
        return
    after: UUID | None = None
    query = query.order_by(CaseSpan.case_id)
    while True:
        page = query.where(CaseSpan.case_id > after) if after else query
        found = session.scalars(page.limit(_AT_A_TIME)).all()
        yield from found
        if len(found) < _AT_A_TIME:
            return
        after = found[-1]


def _day(moment: datetime) -> int:
    """Return the day of a moment as spans count it."""
    return int(moment.timestamp()) // 86_400


def _touching(first: int, last: int, received_since: int) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of each class of length: one range of the index each."""
    yield (CaseSpan.length_class == OPEN_CLASS) & (CaseSpan.first_day <= last)
    for number, days in enumerate((*CLASS_DAYS, None)):
        begun = CaseSpan.first_day <= last
        if number < LONGEST_CLASS and days is not None:
            begun &= CaseSpan.first_day >= min(received_since, first - days)
        touches = (CaseSpan.latest_day >= first) | (CaseSpan.first_day >= received_since)
        yield (CaseSpan.length_class == number) & begun & touches
