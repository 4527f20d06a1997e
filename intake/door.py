"""What the rider's door works with, made once per process and handed to every view."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import structlog
from flask import Flask, current_app
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from intake.identity.gateways import Messenger, make_gateway
from intake.identity.limits import SignInLimits
from intake.limits import TipLimits
from intake.metrics import DoorMetrics
from intake.photos import PhotoStore, make_store
from intake.queueing import DoorQueue
from intake.uploads.staging import Staging
from schemas.calendars import LiveCalendar
from schemas.database import Database, connect, is_transient
from schemas.outlines import Outlines
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, read_calendar

Result = TypeVar("Result")
ATTEMPTS = 3


@dataclass(frozen=True)
class Door:
    """The parts of the door: settings, database, stores, queue, keys, limits, counters, maps."""

    settings: Settings
    database: Database
    store: PhotoStore
    staging: Staging
    queue: DoorQueue
    sealer: Sealer
    limits: TipLimits
    sign_in_limits: SignInLimits
    messenger: Messenger
    metrics: DoorMetrics
    calendars: LiveCalendar
    outlines: Outlines

    @property
    def calendar(self) -> CalendarOverrides:
        """The calendar of working days as it is now, with what an operator has loaded."""
        return self.calendars.now()

    @property
    def incoming(self) -> Path:
        """Where files lie while they come in."""
        return self.settings.data_dir / "incoming"

    def commit(self, work: Callable[[Session], Result]) -> Result:
        """Do `work` in one transaction, again when the database let go of it half-way.

        PostgreSQL breaks deadlocks and drops connections; SQLite has already waited
        thirty seconds by the time it gives up, so it is not asked again.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with self.database.writing() as session:
                    return work(session)
            except DBAPIError as error:
                patient = self.database.engine.dialect.name == "sqlite"
                if patient or attempt == ATTEMPTS or not is_transient(error):
                    raise
                structlog.get_logger().warning("transaction_repeated", attempt=attempt)
        raise AssertionError("the last attempt returns or raises")


def open_door(settings: Settings) -> Door:
    """Make the parts from the settings; nothing is connected to yet."""
    database, sealer, queue = connect(settings), Sealer(settings), DoorQueue(settings)
    metrics = DoorMetrics(database, queue)
    calendar = read_calendar(settings.workdays_file) if settings.workdays_file else NO_OVERRIDES
    return Door(
        settings=settings,
        database=database,
        store=make_store(settings),
        staging=Staging(settings.effective_upload_dir),
        queue=queue,
        sealer=sealer,
        limits=TipLimits(settings, sealer),
        sign_in_limits=SignInLimits(settings, sealer),
        messenger=Messenger(
            make_gateway(settings, database, sealer), on_failure=metrics.sms_failed.inc
        ),
        metrics=metrics,
        calendars=LiveCalendar(database, calendar),
        outlines=Outlines(),
    )


def attach(app: Flask, door: Door) -> None:
    """Let the app's views find the door."""
    app.extensions["door"] = door


def present_door() -> Door:
    """Return the door of the app that answers the present request."""
    door: Door = current_app.extensions["door"]
    return door
