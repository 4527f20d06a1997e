"""Names of the staff that a case page speaks of, and the colleagues on whom one can call."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from review_ui.casework.assignment import Colleague
from schemas.access import RIGHTS, Right
from schemas.tables import Staff, StaffRole, Unit


@dataclass(frozen=True, slots=True)
class People:
    """Names by staff id, and who works on the unit's cases, there or above it, by name."""

    names: Mapping[UUID, str]
    colleagues: tuple[Colleague, ...]

    def of(self, *keys: UUID | None) -> tuple[str, ...]:
        """Return the names behind the ids, leaving out those that are None."""
        return tuple(self.names[key] for key in keys if key)


def people(session: Session, *, unit: Unit, ids: Iterable[UUID | None]) -> People:
    """Return the names behind the ids, together with the unit's colleagues."""
    works_here = Staff.is_active & Staff.id.in_(
        select(StaffRole.staff_id)
        .join(Unit, Unit.id == StaffRole.unit_id)
        .where(
            StaffRole.role.in_([role.value for role in RIGHTS[Right.WORK_CASES]]),
            # The unit's path begins with the path of every unit above it.
            func.substr(unit.path, 1, func.length(Unit.path)) == Unit.path,
        )
    )
    rows = session.execute(
        select(Staff.id, Staff.name, works_here)
        .where(Staff.id.in_(set(ids) - {None}) | works_here)
        .order_by(Staff.name, Staff.id)
    ).all()
    return People(
        names={key: name for key, name, _ in rows},
        colleagues=tuple(Colleague(key, name) for key, name, is_here in rows if is_here),
    )
