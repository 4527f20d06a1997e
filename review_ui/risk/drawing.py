"""Random draws in the room: whose they are to see, to prepare and to draw."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased, defer

from intake.doorway import not_found
from review_ui.access.scope import in_tree, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.risk.asking import WEEKS, Asked, Base
from review_ui.risk.cells import squares
from review_ui.risk.lists import Source, Weighted, of_cells, of_shops, of_text
from review_ui.risk.shops import shops
from schemas.access import RIGHTS, Right
from schemas.draws.algorithm import MOST_ITEMS, Item, items_of, lines_of, read_item, tickets_of
from schemas.draws.keeping import Plan, draw_now, prepare
from schemas.sealing import Sealer
from schemas.tables import Draw, DrawFrame, DrawResult, Staff, Unit
from schemas.units import below

SHOWN = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """A draw as the room shows it; `result` and `drawn_by` are empty until it was drawn."""

    draw: Draw
    frame: DrawFrame
    unit: Unit
    prepared_by: str
    result: DrawResult | None
    drawn_by: str | None

    @property
    def drawn(self) -> tuple[Item, ...]:
        """What was drawn, in order."""
        return tuple(read_item(each) for each in lines_of(self.result.drawn)) if self.result else ()

    @property
    def ticket_count(self) -> int:
        """How many tickets the list has: more than items where it is weighted."""
        return len(lines_of(self.frame.tickets))

    @property
    def items(self) -> tuple[Item, ...]:
        """The whole list."""
        return items_of(self.frame.tickets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants drawn; `text` is the list that they bring."""

    unit: Unit
    source: Source
    text: str
    title: str
    size: int
    weighted: bool
    public_source: str


def draws_of(session: Session, *, staff: SignedIn, frame_id: UUID | None = None) -> list[Shown]:
    """Return the draws of the person's trees, or those from one list, the last prepared first."""
    # The lists themselves may be long, and no overview needs them.
    query = _query(staff).options(defer(DrawFrame.tickets))
    if frame_id:
        query = query.where(Draw.frame_id == frame_id)
    rows = session.execute(query.order_by(Draw.prepared_at.desc(), Draw.id).limit(SHOWN))
    return [Shown(*row) for row in rows]


def find_shown(
    session: Session, *, draw_id: UUID, staff: SignedIn, right: Right = Right.SEE_CASES
) -> Shown:
    """Return a draw of the person's trees; raises NotFound for any other."""
    row = session.execute(_query(staff, right).where(Draw.id == draw_id)).one_or_none()
    if row is None:
        raise not_found()
    return Shown(*row)


def prepare_for(
    session: Session, *, wish: Wish, staff: SignedIn, sealer: Sealer, now: datetime, today: date
) -> Draw:
    """Make the list that is wished for and commit to a draw from it.

    Raises NotFound where the unit is not theirs to work for, and what reading the list and
    schemas.draws.keeping.prepare raise.
    """
    if not staff.roles_at(wish.unit.path) & RIGHTS[Right.WORK_CASES]:
        raise not_found()
    weighted, origin = _list_of(session, wish, staff, today)
    plan = Plan(
        unit_id=wish.unit.id,
        kind=wish.source.value,
        origin=origin,
        tickets=tickets_of(weighted),
        title=wish.title,
        size=wish.size,
        public_source=wish.public_source,
    )
    return prepare(session, plan=plan, staff_id=staff.staff_id, sealer=sealer, now=now)


def draw_for(
    session: Session,
    *,
    draw_id: UUID,
    staff: SignedIn,
    public_value: str,
    sealer: Sealer,
    now: datetime,
) -> DrawResult:
    """Draw what another one prepared; NotFound where it is not theirs to work on."""
    find_shown(session, draw_id=draw_id, staff=staff, right=Right.WORK_CASES)
    return draw_now(
        session,
        draw_id=draw_id,
        staff_id=staff.staff_id,
        public_value=public_value,
        sealer=sealer,
        now=now,
    )


def _list_of(session: Session, wish: Wish, staff: SignedIn, today: date) -> tuple[Weighted, str]:
    """Return the items with their tickets, and in which days they were counted."""
    if wish.source is Source.LIST:
        county = wish.unit.division_code[:6]
        return of_text(wish.text, county_code=county, weighted=wish.weighted), ""
    monday = today - timedelta(days=today.weekday())
    asked = Asked(
        scope=wish.unit.division_code[:6],
        first=monday - timedelta(weeks=WEEKS - 1),
        last=today,
        category=None,
        base=Base.TIPS,
    )
    origin, here = f"{asked.first}—{asked.last}", in_tree(wish.unit.path)
    if wish.source is Source.CELLS:
        found = squares(session, asked=asked, where=here)
        return of_cells(found.cells, weighted=wish.weighted), origin
    verified = shops(
        session,
        where=(here, visible_cases(staff)),
        begins_at=asked.begins_at,
        ends_at=asked.ends_at,
        least=1,
        most=MOST_ITEMS + 1,
    )
    return of_shops(verified, weighted=wish.weighted), origin


def _query(staff: SignedIn, right: Right = Right.SEE_CASES) -> Select[*tuple[Any, ...]]:
    preparer, drawer = aliased(Staff), aliased(Staff)
    return (
        select(Draw, DrawFrame, Unit, preparer.name, DrawResult, drawer.name)
        .join(DrawFrame, DrawFrame.id == Draw.frame_id)
        .join(Unit, Unit.id == Draw.unit_id)
        .join(preparer, preparer.id == Draw.prepared_by)
        .outerjoin(DrawResult, DrawResult.draw_id == Draw.id)
        .outerjoin(drawer, drawer.id == DrawResult.drawn_by)
        .where(below(Draw.unit_id, staff.paths(right)))
    )
