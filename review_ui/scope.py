"""Whose cases someone sees: the condition that every reading and every change goes through.

What lies outside does not exist for them (404), so that nobody learns of a case by
its number.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, false, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.staff import SignedIn
from schemas.access import Right, Role
from schemas.errors import InvalidInput
from schemas.numbers import CASE_PREFIX, read_number
from schemas.tables import Case, Unit
from schemas.units import below


def visible_cases(signed_in: SignedIn, right: Right = Right.SEE_CASES) -> ColumnElement[bool]:
    """Return the condition on Case that it lies in a tree where they have the right."""
    paths = signed_in.paths(right)
    return below(Case.unit_id, paths) if paths else false()


def find_case(session: Session, *, number: str, staff: SignedIn) -> Case:
    """Return a case by its number as a person typed it.

    Raises NotFound when there is none, or when it is not theirs: the two look alike.
    """
    try:
        canonical = read_number(CASE_PREFIX, number)
    except InvalidInput:
        raise not_found() from None
    case = session.scalars(
        select(Case).where(Case.number == canonical, visible_cases(staff))
    ).one_or_none()
    if case is None:
        raise not_found()
    return case


def roles_over(session: Session, *, staff: SignedIn, unit_id: UUID) -> frozenset[Role]:
    """Return the roles that someone holds over what stands in a unit's queue."""
    return staff.roles_at(session.get_one(Unit, unit_id).path)
