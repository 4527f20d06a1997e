"""Stations as riders look for them: where they lie, what they offer, what can be had for points."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.rewards.mall import open_offers
from schemas import audit
from schemas.divisions import divisions
from schemas.errors import Conflict
from schemas.stations import WEEKDAYS, Hours, check_hours, check_services
from schemas.tables import PointOffer, Station, StationProfile
from schemas.wire.stations import Day, StationOffer
from schemas.words import Words

NOTE_SIGNS = 200


@dataclass(frozen=True, slots=True)
class Listed:
    """A station that stands, with its profile if an office has written one, and its offers."""

    station: Station
    profile: StationProfile | None
    offers: Sequence[PointOffer]

    @property
    def area(self) -> str:
        """The names of its city and county, empty where nobody has said."""
        if self.profile is None:
            return ""
        known = divisions()
        codes = dict.fromkeys((f"{self.profile.county_code[:4]}00", self.profile.county_code))
        return "".join(known[code].name for code in codes if code in known)


def listed_stations(session: Session, *, now: datetime) -> list[Listed]:
    """Return the stations that stand, by area and name, each with what can be had for points."""
    offers: dict[UUID, list[PointOffer]] = defaultdict(list)
    for offer, station in open_offers(session, now=now):
        offers[station.id].append(offer)
    rows = session.execute(
        select(Station, StationProfile)
        .outerjoin(StationProfile, StationProfile.station_id == Station.id)
        .where(Station.ended_at.is_(None))
        .order_by(StationProfile.county_code.is_(None), StationProfile.county_code, Station.name)
    )
    return [Listed(station, profile, offers[station.id]) for station, profile in rows]


def change_offering(
    session: Session,
    *,
    station_id: UUID,
    services: Sequence[str],
    hours: Hours,
    note: str,
    actor: audit.Actor,
    now: datetime,
) -> StationProfile:
    """Say what a station offers and when it is open; the same again changes nothing.

    Raises Conflict `station-without-office` while no office looks after it, InvalidInput
    `station-service-unknown` or `station-hours-invalid`.
    """
    profile = session.get(StationProfile, station_id, with_for_update=True)
    if profile is None:
        raise Conflict(
            "station-without-office",
            Words(
                "这个站点还没有主管机构：请积分管理员先在后台“驿站”页登记它。",
                "No office looks after this station yet: a reward officer enters it on the page "
                "«Stations» first.",
            ),
        )
    before = offering(profile)
    profile.services, profile.hours = check_services(services), list(check_hours(hours))
    profile.note = " ".join(note.replace("\0", "").split())[:NOTE_SIGNS]
    if offering(profile) != before:
        profile.changed_at = now
        audit.record(
            session,
            actor=actor,
            action="station_changed",
            subject=("station", station_id),
            before=before,
            after=offering(profile),
        )
    session.flush()
    return profile


def offering(profile: StationProfile) -> dict[str, object]:
    """Return what the audit log keeps of what a station offers."""
    return {"services": profile.services, "hours": profile.hours, "note": profile.note}


def hours_of_form(form: Mapping[str, str]) -> list[tuple[str, str] | None]:
    """Return the seven days of a form's fields `opens1`, `closes1` and so on, unchecked."""
    days = range(1, len(WEEKDAYS) + 1)
    pairs = [
        (form.get(f"opens{day}", "").strip(), form.get(f"closes{day}", "").strip()) for day in days
    ]
    return [pair if any(pair) else None for pair in pairs]


def entry_fields(listed: Listed) -> dict[str, Any]:
    """Return what the API says of a station, to whoever asks."""
    station, profile = listed.station, listed.profile
    hours: list[Any] = profile.hours if profile else []
    return {
        "id": station.id,
        "name": station.name,
        "place": station.place,
        "county_code": profile.county_code if profile else None,
        "area": listed.area,
        "latitude": profile.latitude if profile else None,
        "longitude": profile.longitude if profile else None,
        "services": profile.services if profile else [],
        "hours": [day and Day(opens=day[0], closes=day[1]) for day in hours],
        "note": profile.note if profile else "",
        "offers": [
            StationOffer(
                title=offer.title,
                points=offer.price_points,
                until=offer.ends_on,
                is_sold_out=offer.taken >= offer.stock,
            )
            for offer in listed.offers
        ],
    }
