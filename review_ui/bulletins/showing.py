"""Which bulletins someone may see, and the one that a page shows."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from review_ui.room import moment, room
from schemas.access import RIGHTS, Right
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import Bulletin, read_bulletin
from schemas.bulletins.issues import issue, latest, read_draft
from schemas.bulletins.parameters import Parameters, present_parameters
from schemas.bulletins.territory import prefix_of
from schemas.divisions import divisions
from schemas.tables import BulletinIssue
from schemas.weeks import Week

# The clock counts a running week every ten minutes: that old its figures may be on a page, which
# says how old they are. Where the clock stands still they are counted at each look.
RUNNING_FOR = timedelta(minutes=12)


@dataclass(frozen=True, slots=True)
class Shown:
    """A week's bulletin on a page: as it was published, or as it is counted now."""

    bulletin: Bulletin
    issue: BulletinIssue | None


def territories(staff: SignedIn, right: Right = Right.SEE_COUNTS) -> tuple[str, ...]:
    """Return the division codes at whose units they have the right, the widest first."""
    codes = {held.division_code for held in staff.held if held.role in RIGHTS[right]}
    return tuple(sorted((code for code in codes if len(code) == 6), key=_width))


def _width(code: str) -> tuple[int, str]:
    return len(prefix_of(code)), code


def may_at(staff: SignedIn, code: str, right: Right) -> bool:
    """Whether they have a right over a whole territory."""
    return any(prefix_of(code).startswith(prefix_of(each)) for each in territories(staff, right))


def allowed_scope(staff: SignedIn, code: str | None, right: Right = Right.SEE_COUNTS) -> str:
    """Return the territory asked for, or their own; NotFound where it is not theirs to see."""
    theirs = territories(staff, right)
    if not code and theirs:
        return theirs[0]
    if not code or code not in divisions() or not may_at(staff, code, right):
        raise not_found()
    return code


def shown(
    session: Session,
    *,
    week: Week,
    scope: str,
    now: datetime,
    parameters: Parameters,
    revision: int | None = None,
) -> Shown:
    """Return a week's latest issue, or one of its revisions; else the draft; else what counts now.

    Raises NotFound `bulletin-unknown` for a revision that there is not.
    """
    if revision is not None:
        row = issue(session, week=week, scope=scope, revision=revision)
        return Shown(read_bulletin(row.document), row)
    published = latest(session, week=week, scope=scope)
    if published:
        return Shown(published.bulletin, published.issue)
    kept = read_draft(session, week=week, scope=scope)
    if kept and now < week.ends_at and not timedelta(0) <= now - kept.known_at < RUNNING_FOR:
        kept = None
    if kept is None:
        kept = compute(session, week=week, scope=scope, known_at=now, parameters=parameters)
    return Shown(kept, None)


def issues_of(
    session: Session, *, scope: str, week: Week | None = None, limit: int | None = None
) -> list[BulletinIssue]:
    """Return what was published of a territory, the latest first."""
    query = select(BulletinIssue).where(BulletinIssue.scope_code == scope)
    if week:
        query = query.where(BulletinIssue.week == week.name)
    return list(session.scalars(query.order_by(BulletinIssue.sequence.desc()).limit(limit)))


def counted_with() -> Parameters:
    """Return what a bulletin is counted with in this room now."""
    return present_parameters(
        small_cell=room().settings.bulletin_small_cell, calendar=room().calendars.base
    )


def present_bulletin(session: Session, *, week: Week, scope: str, revision: int | None) -> Shown:
    """Return what is shown of a week in the present request."""
    return shown(
        session,
        week=week,
        scope=scope,
        now=moment(),
        parameters=counted_with(),
        revision=revision,
    )
