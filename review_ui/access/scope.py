"""Whose cases someone sees: the condition that every reading and every change goes through.

What lies outside does not exist for them (404), so that nobody learns of a case by
its number.
"""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas.access import Right, Role
from schemas.errors import InvalidInput
from schemas.numbers import CASE_PREFIX, read_number
from schemas.tables import Case, Unit
from schemas.units import below
from schemas.words import Words

# What a list to choose from holds; beyond it the name or the code is typed.
MOST_UNITS = 300

# The columns of Case that name the units above it, from the root down.
TREES = ("tree_1", "tree_2", "tree_3", "tree_4")


def trees(signed_in: SignedIn, right: Right = Right.SEE_CASES) -> tuple[ColumnElement[bool], ...]:
    """Return a condition on Case for each tree where they have the right; no two overlap.

    Each is one column equal to one unit, so that a list in order is one range of an index.
    """
    return tuple(in_tree(path) for path in tops(signed_in, right))


def tops(signed_in: SignedIn, right: Right = Right.SEE_CASES) -> tuple[str, ...]:
    """Return the paths of their trees, without those that lie in another of them."""
    found: list[str] = []
    for path in signed_in.paths(right):  # Sorted, so that what is above comes first.
        if not path.startswith(tuple(found)):
            found.append(path)
    return tuple(found)


def visible_cases(signed_in: SignedIn, right: Right = Right.SEE_CASES) -> ColumnElement[bool]:
    """Return the condition on Case that it lies in a tree where they have the right."""
    return or_(false(), *trees(signed_in, right))


def unit_of(path: str) -> UUID:
    """Return the id of the unit that a path leads to."""
    return UUID(path.rstrip("/").rpartition("/")[2])


def in_tree(path: str) -> ColumnElement[bool]:
    """Return the condition on Case that it stands with the unit of a path or below it."""
    depth = path.count("/") - 1
    # The tree has five rungs at most: the fifth unit has none below it.
    column = getattr(Case, f"tree_{depth}") if depth <= len(TREES) else Case.unit_id
    return cast(ColumnElement[bool], column == unit_of(path))


def find_case(
    session: Session, *, number: str, staff: SignedIn, right: Right = Right.SEE_CASES
) -> Case:
    """Return a case by its number as a person typed it, where they have the right.

    Raises NotFound when there is none, or when it is not theirs: the two look alike.
    """
    try:
        canonical = read_number(CASE_PREFIX, number)
    except InvalidInput:
        raise not_found() from None
    case = session.scalars(
        select(Case).where(Case.number == canonical, visible_cases(staff, right))
    ).one_or_none()
    if case is None:
        raise not_found()
    return case


def units_within(session: Session, *, paths: Sequence[str]) -> list[Unit]:
    """Return the units of these trees to choose from: the first ones, where there are very many."""
    if not paths:
        return []
    return list(
        session.scalars(
            select(Unit)
            .where(below(Unit.id, paths))
            .order_by(Unit.division_code, Unit.department)
            .limit(MOST_UNITS)
        )
    )


def unit_by_text(session: Session, *, paths: Sequence[str], text: str) -> Unit:
    """Return the unit of these trees with this name or division code.

    Raises InvalidInput `unit-unknown`, or `unit-ambiguous` for a code that several
    departments have.
    """
    named = (Unit.name == text.strip()) | (Unit.division_code == text.strip())
    found = session.scalars(select(Unit).where(below(Unit.id, paths), named)).all() if paths else ()
    if not found:
        raise InvalidInput(
            "unit-unknown",
            Words(
                "您管辖内没有这个机构，请填机构全称或 6 位区划代码。",
                "There is no such unit in your area: give its full name or 6-digit division code.",
            ),
            field="unit",
        )
    if len(found) > 1:
        raise InvalidInput(
            "unit-ambiguous",
            Words(
                "有几个部门的机构都用这个区划代码，请填机构全称。",
                "Units of several departments have this code: give the unit's full name.",
            ),
            field="unit",
        )
    return found[0]


def roles_over(session: Session, *, staff: SignedIn, unit_id: UUID) -> frozenset[Role]:
    """Return the roles that someone holds over what stands in a unit's queue."""
    return staff.roles_at(session.get_one(Unit, unit_id).path)
