"""What the map of cases draws: the open cases of a box, or how many there are where it is wide.

A box is a few ranges of an index over squares (schemas.cells). Cases without a place,
and those that are ended, are on no map.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy import case as either
from sqlalchemy.orm import Session

from review_ui.access.scope import tops, unit_of, visible_cases
from review_ui.access.staff import SignedIn
from review_ui.lists.filters import Filters, Tab, conditions, facets
from review_ui.lists.queue import in_tab
from schemas.cells import PER_DEGREE, ROW, Box, ranges_of
from schemas.errors import InvalidInput
from schemas.searching import found_by, words_of
from schemas.stages import UNENDED as UNENDED_STAGES
from schemas.tables import Case, CaseWords
from schemas.tables.wording import UNENDED
from schemas.words import Words

# More than a map can show apart; what lies closer comes one by one as the map is drawn nearer.
MOST_POINTS = 300
# A box of more rows of squares than this is wider than a city: no ranges are worth it.
_MOST_ROWS = 64
# How many groups fit across the longer side of a map.
_GROUPS_ACROSS = 24


@dataclass(frozen=True, slots=True)
class CasePoint:
    """One case on the map."""

    number: str
    state: str
    categories: tuple[str, ...]
    premises_name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Group:
    """Several cases near one another, by their middle."""

    count: int
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class MapView:
    """The cases of a box one by one, or in groups where there are too many."""

    points: tuple[CasePoint, ...] = ()
    groups: tuple[Group, ...] = ()


def read_box(text: str) -> Box:
    """Return a box written as west,south,east,north; raises InvalidInput `box-invalid`."""
    try:
        west, south, east, north = (float(each) for each in text.split(","))
    except ValueError:
        raise _box_invalid() from None
    # A comparison with NaN is never true.
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise _box_invalid()
    return Box(south=south, west=west, north=north, east=east)


def is_wide(box: Box) -> bool:
    """Whether a box is wider than a city, so that no ranges of squares are worth it."""
    return (box.north - box.south) * PER_DEGREE > _MOST_ROWS


def cases_in_box(
    session: Session, *, staff: SignedIn, tab: Tab, filters: Filters, box: Box, today: date
) -> MapView:
    """Return what lies in a box and in a list."""
    narrowed = [
        *_listed(staff, tab, today, by_tree=is_wide(box)),
        *conditions(filters),
        *_found(session, staff, filters, by_facets=is_wide(box)),
        *_inside(box),
    ]
    if not is_wide(box):
        found = session.execute(
            select(
                Case.number, Case.state, Case.categories, Case.premises_name, Case.latitude,
                Case.longitude,
            )
            .where(*narrowed)
            .limit(MOST_POINTS + 1)
        ).all()  # fmt: skip
        if len(found) <= MOST_POINTS:
            return MapView(
                points=tuple(
                    CasePoint(number, state, tuple(categories), name, latitude, longitude)
                    for number, state, categories, name, latitude, longitude in found
                    if latitude is not None and longitude is not None
                )
            )
    return MapView(groups=_grouped(session, narrowed, side_of_groups(box)))


def side_of_groups(box: Box) -> int:
    """Return how many squares (schemas.cells) a side the groups have that are drawn of a box."""
    degrees = max(box.north - box.south, box.east - box.west)
    return max(1, int(degrees * PER_DEGREE / _GROUPS_ACROSS))


def _grouped(session: Session, narrowed: list[ColumnElement[bool]], side: int) -> tuple[Group, ...]:
    row, column = Case.open_cell // (ROW * side), Case.open_cell % ROW // side
    found = session.execute(
        select(func.count(), func.avg(Case.latitude), func.avg(Case.longitude))
        .where(*narrowed)
        .group_by(row, column)
    )
    return tuple(Group(*each) for each in found)


def _inside(box: Box) -> list[ColumnElement[bool]]:
    # A sum and not the column itself, which would send the planner to the index of all
    # places, ended cases too; the squares' own index holds the open ones and is enough.
    exact = [
        (Case.latitude + 0.0).between(box.south, box.north),
        (Case.longitude + 0.0).between(box.west, box.east),
    ]
    runs = ranges_of(box)
    if len(runs) > _MOST_ROWS + 1:
        return [Case.open_cell.is_not(None), *exact]
    return [or_(*(Case.open_cell.between(first, last) for first, last in runs)), *exact]


def _listed(staff: SignedIn, tab: Tab, today: date, *, by_tree: bool) -> list[ColumnElement[bool]]:
    """Return the conditions of a list; `by_tree` where the box alone would not narrow it much."""
    if by_tree and any(path != _top_of(path) for path in tops(staff)):
        return [visible_cases(staff), in_tab(tab, staff, today), Case.stage.in_(UNENDED_STAGES)]
    listed = [visible_cases(staff)]
    # A case has no square once it is ended, so that the unit's own tab asks no more.
    if tab is not Tab.UNIT:
        listed.append(in_tab(tab, staff, today))
    # As a value and not as conditions, which would send SQLite's planner through every case
    # of the tree, ended ones too: the squares are what narrows a box.
    return [either((and_(*listed), 1), else_=0) == 1]


def _top_of(path: str) -> str:
    """Return the path of the highest unit that stands above a unit, or of itself."""
    return f"/{path.split('/')[1]}/"


def _found(
    session: Session, staff: SignedIn, filters: Filters, *, by_facets: bool
) -> list[ColumnElement[bool]]:
    """Return what the index of words asks: words, and in a wide box what it is narrowed to."""
    tokens = [UNENDED, *facets(filters)] if by_facets and facets(filters) else []
    if not filters.words and not tokens:
        return []
    words, units = words_of(filters.words), [unit_of(path) for path in tops(staff)]
    if not units or (filters.words and not words):
        return [Case.id.is_(None)]
    found = found_by(session, words=words, facets=tokens, unit_ids=units)
    return [Case.id.in_(found.with_only_columns(CaseWords.case_id))]


def _box_invalid() -> InvalidInput:
    return InvalidInput(
        "box-invalid",
        Words(
            "地图范围写成“西,南,东,北”，单位为度。",
            "A box is written west,south,east,north, in degrees.",
        ),
        field="box",
    )
