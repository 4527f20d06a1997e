"""Which bulletins someone may see, and the one that a page shows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from schemas.access import RIGHTS, Right
from schemas.bulletins.computing import compute
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.issues import latest, read_draft
from schemas.bulletins.parameters import Parameters
from schemas.bulletins.territory import prefix_of
from schemas.divisions import divisions
from schemas.tables import BulletinIssue
from schemas.weeks import Week


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


def allowed_scope(staff: SignedIn, code: str | None, right: Right = Right.SEE_COUNTS) -> str:
    """Return the territory asked for, or their own; NotFound where it is not theirs to see."""
    theirs = territories(staff, right)
    if not code and theirs:
        return theirs[0]
    inside = code in divisions() and any(
        prefix_of(str(code)).startswith(prefix_of(each)) for each in theirs
    )
    if not code or not inside:
        raise not_found()
    return code


def shown(
    session: Session, *, week: Week, scope: str, now: datetime, parameters: Parameters
) -> Shown:
    """Return the latest issue of a week; else the draft; else the week counted now."""
    published = latest(session, week=week, scope=scope)
    if published:
        return Shown(published.bulletin, published.issue)
    kept = read_draft(session, week=week, scope=scope)
    if kept is None:
        kept = compute(session, week=week, scope=scope, known_at=now, parameters=parameters)
    return Shown(kept, None)
