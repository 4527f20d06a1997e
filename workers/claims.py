"""What a report claims of its place and time, and which place is taken.

The written rule: the phone's place when it is accurate to 100 m, else the map pin,
else the phone's place however coarse, else the photo's. Pure, but for the loaders.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from uuid import UUID

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from schemas.places import Point, allowed_apart_m, distance_m
from schemas.tables import Claim, Photo

GOOD_ACCURACY_M = 100.0

DEVICE, PIN, PHOTO = "device_gps", "map_pin", "exif_gps"


@dataclass(frozen=True, slots=True)
class PlaceClaim:
    """One statement of where, in WGS-84; `accuracy_m` is None where none was given."""

    source: str
    point: Point
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class ChosenPlace:
    """The claim that is taken as the place, and the rule that chose it."""

    claim: PlaceClaim
    rule: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two claims that are farther apart than they may be, in metres."""

    first: PlaceClaim
    second: PlaceClaim
    distance_m: float
    allowed_m: float


@dataclass(frozen=True, slots=True)
class TimeClaim:
    """One statement of when."""

    source: str
    moment: datetime


# In order of preference; a phone that names no accuracy does not count as accurate.
_CHOICES = (
    ("device-accurate", DEVICE, True),
    ("map-pin", PIN, False),
    ("device-coarse", DEVICE, False),
    ("photo", PHOTO, False),
)


def choose_place(claims: Iterable[PlaceClaim]) -> ChosenPlace | None:
    """Return the place to go by, by the rule above; None when nothing names one.

    Of several photos the first one's place stands.
    """
    given = tuple(claims)
    for rule, source, must_be_accurate in _CHOICES:
        for claim in given:
            if claim.source == source and (not must_be_accurate or _is_accurate(claim)):
                return ChosenPlace(claim, rule)
    return None


def _is_accurate(claim: PlaceClaim) -> bool:
    return claim.accuracy_m is not None and claim.accuracy_m <= GOOD_ACCURACY_M


def disagreements(claims: Sequence[PlaceClaim]) -> tuple[Disagreement, ...]:
    """Return every two claims farther apart than their accuracies plus 200 m, worst first."""
    found = []
    for first, second in combinations(claims, 2):
        apart_m = distance_m(first.point, second.point)
        allowed_m = allowed_apart_m(first.accuracy_m, second.accuracy_m)
        if apart_m > allowed_m:
            found.append(Disagreement(first, second, apart_m, allowed_m))
    return tuple(sorted(found, key=lambda each: each.allowed_m - each.distance_m))


# Plain tables: objects of their rows take longer than the answer.
_CLAIMS, _PHOTOS = Claim.__table__.c, Photo.__table__.c
_PLACES = (
    select(
        _CLAIMS.report_id, _CLAIMS.source, _CLAIMS.latitude, _CLAIMS.longitude, _CLAIMS.accuracy_m
    )
    .select_from(Claim.__table__.outerjoin(Photo.__table__, _PHOTOS.id == _CLAIMS.photo_id))
    .where(
        _CLAIMS.report_id.in_(bindparam("report_ids", expanding=True)),
        _CLAIMS.kind == "place",
        _CLAIMS.latitude.is_not(None),
        _CLAIMS.longitude.is_not(None),
        or_(_PHOTOS.id.is_(None), _PHOTOS.supplement_id.is_(None)),
    )
    .order_by(_PHOTOS.position, _CLAIMS.id)
)


def load_places(
    session: Session, *, report_ids: Collection[UUID]
) -> dict[UUID, tuple[PlaceClaim, ...]]:
    """Return the claims of place of each report, in the order of its photos.

    A photo that was sent later with a supplement says where its sender was then,
    so it has no voice here.
    """
    rows = session.execute(_PLACES, {"report_ids": report_ids})
    found: dict[UUID, tuple[PlaceClaim, ...]] = dict.fromkeys(report_ids, ())
    for report_id, source, latitude, longitude, accuracy_m in rows:
        place = PlaceClaim(source, Point(latitude, longitude), accuracy_m)
        found[report_id] = (*found[report_id], place)
    return found


def load_times(session: Session, *, report_id: UUID) -> tuple[TimeClaim, ...]:
    """Return what the phone and the photos of a report say of the time."""
    rows = session.execute(
        select(Claim.source, Claim.moment)
        .outerjoin(Photo, Photo.id == Claim.photo_id)
        .where(
            Claim.report_id == report_id,
            Claim.kind == "time",
            Claim.source.in_(("device_clock", "exif_time", "sending_clock")),
            Claim.moment.is_not(None),
            or_(Photo.id.is_(None), Photo.supplement_id.is_(None)),
        )
        .order_by(Claim.id)
    )
    return tuple(TimeClaim(source, moment) for source, moment in rows if moment is not None)
