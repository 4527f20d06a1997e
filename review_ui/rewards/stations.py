"""Stations as an office looks after them: whose they are, where they lie, what they offer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.rewards.stations import Listed, change_offering, listed_stations
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.errors import InvalidInput
from schemas.outlines import Outlines
from schemas.places import Datum, Point, to_wgs84
from schemas.stations import Hours
from schemas.tables import Station, StationProfile, Unit
from schemas.units import below
from schemas.words import Words
from schemas.workdays import local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a station lies, as somebody wrote it down: both degrees or neither."""

    latitude: float | None
    longitude: float | None
    datum: Datum = Datum.WGS84

    def point(self) -> Point | None:
        """Return it in WGS-84; raises InvalidInput `coordinates-incomplete` or out of range."""
        if self.latitude is None and self.longitude is None:
            return None
        if self.latitude is None or self.longitude is None:
            raise InvalidInput(
                "coordinates-incomplete",
                Words(
                    "经度和纬度必须一起填写。",
                    "Latitude and longitude must be given together, or neither.",
                ),
                field="longitude" if self.longitude is None else "latitude",
            )
        return to_wgs84(self.latitude, self.longitude, self.datum)


def stations_of(session: Session, *, staff: SignedIn, now: datetime) -> list[Listed]:
    """Return the stations of the person's trees, and those that nobody looks after yet."""
    theirs = set(
        session.scalars(
            select(Station.id)
            .outerjoin(StationProfile, StationProfile.station_id == Station.id)
            .where(
                Station.ended_at.is_(None),
                or_(
                    StationProfile.station_id.is_(None),
                    below(StationProfile.unit_id, staff.paths(Right.MANAGE_REWARDS)),
                ),
            )
        )
    )
    return [each for each in listed_stations(session, now=now) if each.station.id in theirs]


def station_of(session: Session, *, station_id: UUID, staff: SignedIn, now: datetime) -> Listed:
    """Return one of them; raises NotFound."""
    found = (
        each for each in stations_of(session, staff=staff, now=now) if each.station.id == station_id
    )
    station = next(found, None)
    if station is None:
        raise not_found()
    return station


def look_after(
    session: Session,
    *,
    station_id: UUID,
    staff: SignedIn,
    unit: Unit,
    place: Place,
    services: Sequence[str],
    hours: Hours,
    note: str,
    outlines: Outlines,
    now: datetime,
) -> StationProfile:
    """Write a station's profile: whose it is, where it lies, what it offers.

    Raises NotFound for another office's, and InvalidInput as Place.point and
    intake.rewards.stations.change_offering do.
    """
    station_of(session, station_id=station_id, staff=staff, now=now)
    point = place.point()
    lies_in = outlines.county_at(session, point=point, on=local_date(now)) if point else None
    profile = session.get(StationProfile, station_id, with_for_update=True)
    before = placed(profile) if profile else None
    if profile is None:
        profile = StationProfile(station_id=station_id, services=[], hours=[], note="")
        session.add(profile)
    profile.unit_id, profile.county_code = unit.id, lies_in or unit.division_code[:6]
    profile.latitude = round(point.latitude, 6) if point else None
    profile.longitude = round(point.longitude, 6) if point else None
    session.flush()
    actor = audit.Actor("staff", staff.staff_id)
    if placed(profile) != before:
        profile.changed_at = now
        audit.record(
            session,
            actor=actor,
            action="station_placed",
            subject=("station", station_id),
            before=before,
            after=placed(profile),
        )
    return change_offering(
        session,
        station_id=station_id,
        services=services,
        hours=hours,
        note=note,
        actor=actor,
        now=now,
    )


def placed(profile: StationProfile) -> dict[str, object]:
    """Return what the audit log keeps of where a station lies and whose it is."""
    return {
        "unit_id": str(profile.unit_id),
        "county_code": profile.county_code,
        "latitude": profile.latitude,
        "longitude": profile.longitude,
    }
