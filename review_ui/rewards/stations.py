"""Stations as an office looks after them: whose they are, where they lie, what they offer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from intake.rewards.stations import Listed, change_offering, listed_stations
from review_ui.access.staff import SignedIn
from schemas import audit
from schemas.access import Right
from schemas.outlines import Outlines
from schemas.places import Point
from schemas.stations import Hours
from schemas.tables import Station, StationProfile, Unit
from schemas.units import below
from schemas.workdays import local_date


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


def unit_names(session: Session, found: Sequence[Listed]) -> dict[UUID, str]:
    """Return by station the name of the unit that looks after it, where one does."""
    units = {each.station.id: each.profile.unit_id for each in found if each.profile}
    names = dict(
        session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(set(units.values())))).all()
    )
    return {station: names[unit] for station, unit in units.items()}


def look_after(
    session: Session,
    *,
    station_id: UUID,
    staff: SignedIn,
    unit: Unit,
    point: Point | None,
    services: Sequence[str],
    hours: Hours,
    note: str,
    outlines: Outlines,
    now: datetime,
) -> StationProfile:
    """Write a station's profile: whose it is, where it lies, what it offers.

    Raises NotFound for another office's, and InvalidInput as
    intake.rewards.stations.change_offering does.
    """
    station_of(session, station_id=station_id, staff=staff, now=now)
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
