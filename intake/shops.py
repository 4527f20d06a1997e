"""Names of shops to choose from: those whose penalty is public by law, and no others.

A list of shops that were reported would tell whoever stands there, the shop too, which
ones were. A decision on a penalty is published (Law on Administrative Penalties art. 48);
what is answered is the name that the officer entered from that publication, in a coarse
square, without a date, a hazard or a case, and for no longer than a publication lasts.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from schemas.lifecycle import State
from schemas.places import Point
from schemas.tables import Case, CaseHistory

# What is asked about: a tenth of a degree. What is answered: a square of 0.002 degrees, which
# is some 220 m from south to north and 165 m from west to east at Shenyang.
CELL_DEGREES, SQUARE_DEGREES = 0.1, 0.002
# SAMR Order 45 (2021) art. 2: a mere warning is not published; art. 13: a publication ends
# after three months where it was only a small fine, otherwise after three years.
NOT_PUBLISHED = frozenset({"warning"})
SHORTLY = frozenset({"warning", "fine"})
SHORTLY_FOR, PUBLISHED_FOR = timedelta(days=90), timedelta(days=3 * 365)
# Farther off than this, the place may be that of the shop next door but one.
ACCURATE_M = 150.0
MOST = 500


@dataclass(frozen=True, slots=True, order=True)
class PublishedShop:
    """A shop's published name; latitude and longitude are the middle of its square."""

    name: str
    latitude: float
    longitude: float


def published_shops(session: Session, *, middle: Point, on: date) -> list[PublishedShop]:
    """Return the shops in the cell around `middle` whose penalties are public on a local day.

    By name, each once a square, MOST of them. A case that was taken up again is not among
    them, whatever it was before; nor is one whose officer entered no published name.
    """
    half = CELL_DEGREES / 2
    # After the penalty there may be the closing and nothing else: no reopening, no other end.
    later = aliased(CaseHistory)
    went_on = select(later.id).where(
        later.case_id == Case.id,
        later.version > CaseHistory.version,
        later.to_state != State.CLOSED.value,
    )
    rows = session.execute(
        select(Case.latitude, Case.longitude, CaseHistory.record)
        .join(CaseHistory, CaseHistory.case_id == Case.id)
        .where(
            Case.latitude >= middle.latitude - half,
            Case.latitude < middle.latitude + half,
            Case.longitude >= middle.longitude - half,
            Case.longitude < middle.longitude + half,
            # What a rider pointed at has none.
            or_(Case.accuracy_m <= ACCURATE_M, Case.accuracy_m.is_(None)),
            CaseHistory.to_state == State.PENALISED.value,
            ~went_on.exists(),
        )
    )
    shops = {
        PublishedShop(str(record["published_name"]), *square_of(Point(latitude, longitude)))
        for latitude, longitude, record in rows
        if is_public(record, on=on)
    }
    return sorted(shops)[:MOST]


def is_public(record: Mapping[str, Any], *, on: date) -> bool:
    """Whether a penalty's record says that it is published on a day, and under which name."""
    kinds = frozenset(record.get("penalty_kinds", ()))
    if not record.get("published_name") or kinds <= NOT_PUBLISHED:
        return False
    published_on = date.fromisoformat(record["published_on"])
    lasts = SHORTLY_FOR if kinds <= SHORTLY else PUBLISHED_FOR
    return published_on <= on < published_on + lasts


def square_of(place: Point) -> tuple[float, float]:
    """Return latitude and longitude of the middle of the square in which a place lies."""
    latitude, longitude = (
        round((math.floor(degrees / SQUARE_DEGREES) + 0.5) * SQUARE_DEGREES, 3)
        for degrees in (place.latitude, place.longitude)
    )
    return latitude, longitude
