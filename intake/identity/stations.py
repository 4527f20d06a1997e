"""Stations and the personal code (小哥码): a terminal learns «a registered rider», and no more.

The code is random, good for two minutes and for one use; the rider's page makes a new
one as often as it is looked at. Of a visit the day is kept until the next day is over.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake.inserting import insert_if_new
from intake.riders.registering import check_line
from schemas import audit
from schemas.errors import Conflict, InvalidInput, NotFound, NotSignedIn
from schemas.numbers import ALPHABET
from schemas.sealing import Sealer, new_token, token_hash
from schemas.tables import PersonalCode, Rider, Station, StationVisit
from schemas.words import Words
from schemas.workdays import local_date

PREFIX = "station"
CODE_SIGNS = 10
CODE_LIFE = timedelta(minutes=2)
VISITS_KEPT = timedelta(days=1)
NAME, PLACE = Words("站点名称", "station's name"), Words("站点地址", "station's place")
_LOOK_ALIKES = str.maketrans({"I": "1", "L": "1", "O": "0"})


@dataclass(frozen=True)
class ShownPersonalCode:
    """A code to be shown to a terminal; `text` is in two groups, for whoever types it."""

    text: str
    expires_at: datetime


@dataclass(frozen=True)
class Visitor:
    """All that a station is told of whoever showed a code."""

    is_supervisor: bool
    is_verified: bool


def make_personal_code(
    session: Session, *, sealer: Sealer, rider_id: UUID, now: datetime
) -> ShownPersonalCode:
    """Make a rider's code; the one before it is good no longer."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(CODE_SIGNS))
    # Two pages of one rider may ask at the same moment.
    session.get_one(Rider, rider_id, with_for_update=True)
    row = session.get(PersonalCode, rider_id)
    if row is None:
        row = PersonalCode(rider_id=rider_id)
        session.add(row)
    row.code_digest = sealer.digest("personal-code", signs)
    row.expires_at, row.used_at = now + CODE_LIFE, None
    session.flush()
    half = CODE_SIGNS // 2
    return ShownPersonalCode(f"{signs[:half]}-{signs[half:]}", row.expires_at)


def receive_visitor(
    session: Session, *, sealer: Sealer, station_id: UUID, code: str, now: datetime
) -> Visitor:
    """Take a code at a station's terminal, note the visit, and say who may be let in.

    Raises InvalidInput `personal-code-unknown`, Conflict `personal-code-used` or
    `personal-code-expired`.
    """
    signs = "".join(code.upper().split()).replace("-", "").translate(_LOOK_ALIKES)
    row = session.scalars(
        select(PersonalCode)
        .where(PersonalCode.code_digest.in_(sealer.digests("personal-code", signs)))
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise InvalidInput("personal-code-unknown", _UNKNOWN, field="code")
    if row.used_at is not None:
        raise Conflict("personal-code-used", _USED, field="code")
    if row.expires_at <= now:
        raise Conflict("personal-code-expired", _EXPIRED, field="code")
    row.used_at = now
    rider = session.get_one(Rider, row.rider_id)
    visit = {"station_id": station_id, "rider_id": rider.id, "visited_on": local_date(now)}
    insert_if_new(session, StationVisit, [visit], conflict=tuple(visit))
    return Visitor(rider.is_supervisor, rider.verification != "unverified")


_UNKNOWN = Words(
    "没有这个小哥码：请骑手刷新页面，用最新的码。",
    "There is no such code: ask the rider to reload the page and show the newest one.",
)
_USED = Words(
    "这个小哥码已经用过一次：请骑手刷新页面，换一个新的。",
    "This code was used before: ask the rider to reload the page for a new one.",
)
_EXPIRED = Words(
    "这个小哥码过期了（2 分钟内有效）：请骑手刷新页面，换一个新的。",
    "This code has expired (it is good for two minutes): ask the rider for a new one.",
)


def add_station(session: Session, *, name: str, place: str, now: datetime) -> tuple[Station, str]:
    """Register a station and return it with its terminal's token, which is shown once.

    Raises InvalidInput as check_line does, and Conflict `station-exists`.
    """
    name, place = check_line(name, NAME, limit=80), check_line(place, PLACE, limit=300)
    if session.scalars(select(Station).where(Station.name == name)).first():
        raise Conflict(
            "station-exists",
            Words(f"已有叫“{name}”的站点。", f"There is a station named “{name}” already."),
            field="name",
        )
    token = new_token(PREFIX)
    station = Station(name=name, place=place, token_hash=token_hash(token), made_at=now)
    session.add(station)
    session.flush()
    _record(session, station, "station_made")
    return station, token


def renew_token(session: Session, *, name: str) -> str:
    """Give a station a new token, so that the old one opens nothing; raises NotFound."""
    station, token = find_station(session, name=name), new_token(PREFIX)
    station.token_hash = token_hash(token)
    _record(session, station, "station_renewed")
    return token


def end_station(session: Session, *, name: str, now: datetime) -> None:
    """End a station's terminal; raises NotFound `station-unknown`."""
    station = find_station(session, name=name)
    station.ended_at = now
    _record(session, station, "station_ended")


def find_station(session: Session, *, name: str) -> Station:
    """Return a station that stands, by name; raises NotFound `station-unknown`."""
    station = session.scalars(
        select(Station).where(Station.name == " ".join(name.split()), Station.ended_at.is_(None))
    ).one_or_none()
    if station is None:
        raise NotFound(
            "station-unknown", Words("没有这个站点。", "There is no such station."), field="name"
        )
    return station


def stations(session: Session) -> Sequence[Station]:
    """Return the stations that stand, by name."""
    return session.scalars(
        select(Station).where(Station.ended_at.is_(None)).order_by(Station.name)
    ).all()


def authenticate_station(session: Session, *, token: str) -> Station:
    """Return the station whose terminal carries a token.

    Raises NotSignedIn `station-token-unknown`.
    """
    station = session.scalars(
        select(Station).where(Station.token_hash == token_hash(token), Station.ended_at.is_(None))
    ).one_or_none()
    if station is None:
        raise NotSignedIn(
            "station-token-unknown",
            Words(
                "站点终端的令牌无效或已停用，请向运维人员要一个新的。",
                "This terminal's token is unknown or was ended: ask the operator for a new one.",
            ),
        )
    return station


def sweep_visits(session: Session, *, now: datetime) -> int:
    """Remove the visits whose next day is over; return how many."""
    before = local_date(now) - VISITS_KEPT
    gone = session.execute(
        delete(StationVisit)
        .where(StationVisit.visited_on < before)
        .returning(StationVisit.rider_id)
    )
    return len(gone.all())


def _record(session: Session, station: Station, action: str) -> None:
    audit.record(session, actor=audit.OPERATOR, action=action, subject=("station", station.id))
