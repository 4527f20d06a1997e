"""Honours (最美骑手): who earned most in a period, over the ledger and by pseudonym.

Counted are the entries themselves: what was approved in the period, less what was
reversed in it. Who a pseudonym is stays with the rider, who may come forward with it.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from schemas.access import Right
from schemas.errors import InvalidInput
from schemas.numbers import LOCAL_ZONE
from schemas.points import AccountKind, EntryKind
from schemas.tables import PointAccount, PointAward, PointEntry
from schemas.units import below
from schemas.words import Words

SHOWN = 50
_PERIOD = re.compile(r"(20\d\d)(?:-(?:(0[1-9]|1[0-2])|Q([1-4])))?")


@dataclass(frozen=True, slots=True)
class Period:
    """A local year, quarter or month, half-open: `name` is 2026, 2026-Q4 or 2026-11."""

    name: str
    first: date
    end: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """The moments between which it lies, the second one excluded."""
        begins, ends = (
            datetime.combine(day, time.min, LOCAL_ZONE) for day in (self.first, self.end)
        )
        return begins, ends


@dataclass(frozen=True, slots=True)
class Honour:
    """An account's place in a period; equal points share a rank."""

    rank: int
    account: str
    points: int
    awards: int


def read_period(text: str) -> Period:
    """Return the period of a name; raises InvalidInput `period-invalid`."""
    found = _PERIOD.fullmatch(text)
    if found is None:
        raise InvalidInput(
            "period-invalid",
            Words(
                "时间段写成 2026、2026-Q4 或 2026-11。", "Name a period 2026, 2026-Q4 or 2026-11."
            ),
            field="period",
        )
    year, month, quarter = int(found[1]), found[2], found[3]
    begins = int(month) if month else 3 * int(quarter) - 2 if quarter else 1
    length = 1 if month else 3 if quarter else 12
    years, rest = divmod(begins - 1 + length, 12)
    return Period(text, date(year, begins, 1), date(year + years, rest + 1, 1))


def periods_of(today: date) -> tuple[str, ...]:
    """Return the names of the running month, quarter and year, and of the month before."""
    before = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    return (
        f"{today:%Y-%m}",
        f"{before:%Y-%m}",
        f"{today.year}-Q{(today.month + 2) // 3}",
        f"{today.year}",
    )


def honours(session: Session, *, staff: SignedIn, period: Period, within: str = "") -> list[Honour]:
    """Return the accounts that earned most in the person's trees, the best first.

    `within` is the path of a unit whose tree alone is counted.
    """
    begins, ends = period.bounds
    gained = case(
        (PointEntry.kind == EntryKind.APPROVED.value, PointEntry.points),
        else_=-PointEntry.points,
    )
    counted = case((PointEntry.kind == EntryKind.APPROVED.value, 1), else_=-1)
    total = func.sum(gained)
    rows = session.execute(
        select(PointAccount.pseudonym, total, func.sum(counted))
        .join(
            PointEntry,
            (PointEntry.to_account_id == PointAccount.id)
            | (PointEntry.from_account_id == PointAccount.id),
        )
        .join(PointAward, PointAward.id == PointEntry.award_id)
        .where(
            PointAccount.kind == AccountKind.RIDER.value,
            PointEntry.kind.in_([EntryKind.APPROVED.value, EntryKind.REVERSED.value]),
            PointEntry.posted_at >= begins,
            PointEntry.posted_at < ends,
            below(PointAward.unit_id, staff.paths(Right.MANAGE_REWARDS)),
            *([below(PointAward.unit_id, [within])] if within else []),
        )
        .group_by(PointAccount.id, PointAccount.pseudonym)
        .having(total > 0)
        .order_by(total.desc(), PointAccount.pseudonym)
        .limit(SHOWN)
    ).all()
    ranks: dict[int, int] = {}
    for place, (_, points, _) in enumerate(rows, start=1):
        ranks.setdefault(points, place)
    return [
        Honour(ranks[points], pseudonym or "", int(points), int(awards))
        for pseudonym, points, awards in rows
    ]
