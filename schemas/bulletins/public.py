"""The form of a bulletin that anybody may see: definitions, totals, and no small cell."""

from typing import Any

from sqlalchemy.orm import Session

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin


def public_form(session: Session, bulletin: Bulletin, *, revision: int) -> dict[str, Any]:
    """Return the public document of a bulletin; a small total stands as None."""
    return {
        "method": bulletin.method,
        "scope": bulletin.scope,
        "week": bulletin.week.name,
        "revision": revision,
        "totals": {
            key: value
            for key, value in bulletin.totals.items()
            if not (INDICATORS[key].is_count and 0 < (value or 0) < bulletin.parameters.small_cell)
        },
        "tables": {},
    }
