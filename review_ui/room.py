"""What every view of the inspectors' room needs at hand, kept on the application."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from flask import current_app, g

from intake.doorway import not_found
from intake.photos import PhotoStore
from intake.queueing import DoorQueue
from review_ui.access.attempts import AttemptLimits
from review_ui.access.provider import Provider
from review_ui.access.staff import SignedIn
from review_ui.lists.overviews import Overviews
from review_ui.metrics import RoomMetrics
from schemas.calendars import LiveCalendar
from schemas.database import Database, now_utc
from schemas.outlines import Outlines
from schemas.settings import Settings
from schemas.workdays import CalendarOverrides, local_date

WEB = Path(__file__).parent / "web"


@dataclass(frozen=True)
class Room:
    """The parts that the views work with; made once by create_app."""

    settings: Settings
    database: Database
    store: PhotoStore
    queue: DoorQueue
    calendars: LiveCalendar
    outlines: Outlines
    overviews: Overviews
    attempts: AttemptLimits
    metrics: RoomMetrics
    provider: Provider | None

    @property
    def calendar(self) -> CalendarOverrides:
        """The calendar of working days as it is now, with what an operator has loaded."""
        return self.calendars.now()


def room() -> Room:
    """Return the room of the present application."""
    found: Room = current_app.extensions["room"]
    return found


def person() -> SignedIn:
    """Return who is signed in; the entrance has seen to it that somebody is."""
    found: SignedIn | None = g.get("person")
    if found is None:
        raise not_found()
    return found


def moment() -> datetime:
    """Return the moment of the present request, the same throughout it."""
    if "moment" not in g:
        g.moment = now_utc()
    found: datetime = g.moment
    return found


def today() -> date:
    """Return the day in Shanghai of the present request."""
    return local_date(moment())
