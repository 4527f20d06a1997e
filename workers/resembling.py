"""What the photos of a report resemble: asked of the database first, then looked at."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas.database import Database
from schemas.tables import Report
from workers.closely.candidates import candidates_of
from workers.closely.comparing import (
    CloseMatch,
    compare_closely,
    store_close,
    without_shown_closely,
)
from workers.closely.confirming import Confirmer, sides_of
from workers.match import PICTURE_KINDS, Resemblance, find_pictures, store_pictures
from workers.policy import MatchPolicy
from workers.seen.memory import Memory


class Alike(NamedTuple):
    """What a report resembles: by its photos' bytes and hashes, and when looked at closely."""

    found: Sequence[Resemblance]
    close: Sequence[CloseMatch]


def _none(_session: Session) -> Collection[UUID]:
    return ()


def look(
    database: Database,
    store: PhotoStore,
    *,
    report: Report,
    photo_ids: Sequence[UUID],
    policy: MatchPolicy,
    memory: Memory | None,
    known: Callable[[Session], Collection[UUID]] = _none,
) -> Alike:
    """Return what has the same pictures, and what else shows the same when looked at closely.

    The pictures are opened and compared after the database has been let go of. Of the reports
    that `known` returns nothing new is suggested.
    """
    with database.reading() as session:
        pairs = find_pictures(
            session, report_id=report.id, photo_ids=photo_ids, policy=policy, memory=memory
        )
        sides = sides_of(session, pairs)
        candidates = candidates_of(
            session, report=report, photo_ids=photo_ids, policy=policy, memory=memory
        )
        settled = known(session)
    confirmer = Confirmer(store, sides, policy)
    found = [
        each
        for each in confirmer.confirmed(pairs)
        if each.kind in PICTURE_KINDS or each.other_report_id not in settled
    ]
    close = compare_closely(
        store,
        photo_ids=photo_ids,
        candidates=candidates,
        known={
            *settled,
            *(each.other_report_id for each in found if each.kind in PICTURE_KINDS),
        },
        policy=policy,
    )
    return Alike(confirmer.with_evidence(without_shown_closely(found, close)), close)


def keep(session: Session, *, report: Report, alike: Alike, policy: MatchPolicy) -> int:
    """Write the matches that are not known yet, in either direction; return how many."""
    return store_pictures(session, report=report, found=alike.found, policy=policy) + store_close(
        session, report=report, found=alike.close, policy=policy
    )
