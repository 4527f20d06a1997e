"""What every job needs, made once per process and handed down: the machine."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import shapely
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.photos import PhotoStore, make_store
from schemas.boundaries.locating import NEARBY_M, BoundarySet, load_county_boundaries
from schemas.boundaries.merging import Override
from schemas.database import Database, connect, now_utc
from schemas.divisions import Level
from schemas.errors import SuishoupaiError
from schemas.jobs import JobSpec
from schemas.logs import configure_logs
from schemas.places import Point
from schemas.settings import Settings, load_settings
from schemas.tables import Jurisdiction
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, local_date, read_calendar
from workers.examine import InChild, Limits
from workers.forkserver import shared_fork_server
from workers.policy import POLICY, MatchPolicy, policy_of
from workers.seen.memory import Memory

log = structlog.get_logger()

# Of a job's time, for everything but its photos.
RESERVE_S = 30.0


class Polygons:
    """The county polygons, and the official ones of the database, read again when those change.

    The package's are read at the first question unless they are given, so that the
    clock, which hardly ever asks, does not carry them.
    """

    def __init__(self, package: BoundarySet | None = None) -> None:
        self._package = package
        self._present: BoundarySet | None = None
        self._state: tuple[Any, ...] | None = None
        self._prepared_on: date | None = None

    def current(self, session: Session) -> BoundarySet:
        """Return the polygons as the database has them now."""
        state = _state_of_loaded(session)
        if self._present is None or state != self._state:
            self._package = self._package or load_county_boundaries()
            self._present = self._package.with_overrides(_loaded(session))
            self._state, self._prepared_on = state, None
            log.info("polygons_read", version=self._present.version[:200])
        return self._present

    def prepare(self, session: Session) -> None:
        """Build today's indexes now; children that are forked later inherit them.

        The polygons' own indexes are left for the one job in a child that needs one:
        all of them take 100 MB, which every fork would have to map.
        """
        present, today = self.current(session), local_date(now_utc())
        if self._prepared_on != today:
            present.locate(Point(35.0, 105.0), margin_m=NEARBY_M, on=today)
            self._prepared_on = today


def _state_of_loaded(session: Session) -> tuple[Any, ...]:
    """Return something that differs whenever a polygon was loaded, ended or removed."""
    return tuple(
        session.execute(
            select(
                func.count(Jurisdiction.id),
                func.max(Jurisdiction.loaded_at),
                func.count(Jurisdiction.valid_to),
                func.max(Jurisdiction.valid_to),
            )
        ).one()
    )


def _loaded(session: Session) -> list[Override]:
    rows = session.scalars(select(Jurisdiction).order_by(Jurisdiction.id))
    return [
        Override(
            code=row.code,
            name=row.name,
            level="street" if row.level == Level.STREET else "county",
            geometry=shapely.from_wkb(row.geometry),
            version=row.version,
            valid_from=row.valid_from,
            valid_to=row.valid_to,
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Machine:
    """The parts that the machine room works with; made by an entry point, passed down."""

    settings: Settings
    database: Database
    store: PhotoStore
    polygons: Polygons
    calendar: CalendarOverrides = NO_OVERRIDES
    do_in_child: InChild = field(default_factory=shared_fork_server)
    memory: Memory | None = None
    policy: MatchPolicy = POLICY

    def limits_of(self, job: JobSpec) -> Limits:
        """Return what the photos of one job may take; all of them must fit its time."""
        return Limits(
            memory_bytes=self.settings.photo_memory_mb << 20,
            cpu_s=self.settings.photo_cpu_s,
            # A decoder only computes; on a busy machine it gets half a processor.
            wall_s=2.0 * self.settings.photo_cpu_s,
            total_s=job.timeout_s - RESERVE_S,
        )


def make_machine(settings: Settings) -> Machine:
    """Make the machine of the settings; nothing is connected to yet.

    Raises InvalidInput for a WORKDAYS_FILE that can't be right.
    """
    return Machine(
        settings=settings,
        database=connect(settings),
        store=make_store(settings),
        polygons=Polygons(),
        calendar=read_calendar(settings.workdays_file) if settings.workdays_file else NO_OVERRIDES,
        memory=make_memory(settings),
        policy=policy_of(settings),
    )


def make_memory(settings: Settings) -> Memory | None:
    """Return the memory of search lists that the settings allow, None where they allow none."""
    return Memory(settings.photo_index_mb << 20) if settings.photo_index_mb else None


def machine_of_environment(process: str) -> Machine:
    """Make the machine of a process of the Procfile, with its logs; a wrong setting ends it."""
    try:
        settings = load_settings()
        configure_logs(settings, process=process)
        return make_machine(settings)
    except SuishoupaiError as error:
        raise SystemExit(f"{error.words.zh}\n{error.words.en}") from None
