"""Which cases can add anything to a week of a territory: more than enough, and never too few."""

from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.bulletins.counting import Frame
from schemas.tables import CaseHistory


def cases_of_week(session: Session, frame: Frame) -> Iterator[UUID]:
    """Yield the ids of the cases to look at, each once."""
    rows = session.execute(
        select(CaseHistory.case_id)
        .where(CaseHistory.unit_id.in_(frame.scope.units))
        .distinct()
        .order_by(CaseHistory.case_id)
    )
    yield from rows.scalars()
