"""The cases behind a figure: which ones a bulletin counted there, and how much each adds."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from schemas.bulletins.candidates import cases_of_week
from schemas.bulletins.computing import frame_of
from schemas.bulletins.counting import Count, counts_of
from schemas.bulletins.definitions import INDICATORS, SUMS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.facts import read_files
from schemas.bulletins.indicators import Group, Unit
from schemas.bulletins.methods import method_of
from schemas.bulletins.territory import read_scope

# A handling time is counted under one name for its mean and its median.
_TIMES = frozenset({"handling_mean", "handling_median"})


@dataclass(frozen=True, slots=True)
class Share:
    """One case and what it adds to a figure."""

    case_id: UUID
    number: str
    adds: int


def has_cases(key: str) -> bool:
    """Whether a figure is counted from cases that can be named.

    Points stand in their own ledger, and who reported is nobody's to list; nor which cases
    came of a campaign, whose riders its office asked.
    """
    indicator = INDICATORS[key]
    return (
        indicator.group not in (Group.POINTS, Group.CAMPAIGNS)
        and indicator.unit is not Unit.RIDERS
        and (key != "unprocessed")
    )


def cases_behind(
    session: Session,
    bulletin: Bulletin,
    *,
    key: str,
    table: str | None = None,
    row: str | None = None,
) -> Iterator[Share]:
    """Yield the cases behind a figure of a bulletin, as it was known when that was counted.

    Of a rate they are those of its whole. `table` and `row` narrow it to one row.
    """
    frame = frame_of(
        session,
        week=bulletin.week,
        scope=read_scope(session, bulletin.scope),
        known_at=bulletin.known_at,
        parameters=bulletin.parameters,
        method=method_of(bulletin.method),
    )
    keys = _counted_as(key)

    def fits(count: Count) -> bool:
        is_own = count.cohort in (None, frame.week)
        return is_own and count.key in keys and (table is None or (table, row) in count.rows)

    for file in read_files(session, cases_of_week(session, frame)):
        adds = sum(count.number for count in counts_of(file, frame) if fits(count))
        if adds:
            yield Share(file.id, file.number, adds)


def _counted_as(key: str) -> frozenset[str]:
    """Return the keys under which what a figure is made of was counted."""
    if key in _TIMES:
        return frozenset({"handling"})
    whole = INDICATORS[key].whole
    if whole is not None:
        return _counted_as(whole)
    return frozenset(SUMS.get(key, (key,)))
