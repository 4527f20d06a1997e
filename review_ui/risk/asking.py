"""What is asked of the map of risk: area, days, category and what is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from review_ui.access.staff import SignedIn
from review_ui.bulletins.showing import allowed_scope
from schemas.errors import InvalidInput
from schemas.taxonomy import category
from schemas.words import Words
from schemas.workdays import SHANGHAI

WEEKS = 13
_MOST_DAYS = 731


class Base(StrEnum):
    """By what a county's verified cases are thought to be spread over its squares."""

    TIPS = "tips"
    EVEN = "even"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked; both days are included."""

    scope: str
    first: date
    last: date
    category: str | None
    base: Base

    @property
    def begins_at(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), SHANGHAI)

    @property
    def ends_at(self) -> datetime:
        """The first moment that no longer belongs to it."""
        return datetime.combine(self.last + timedelta(days=1), time(), SHANGHAI)

    @property
    def query(self) -> dict[str, str]:
        """What an address has to say to ask the same."""
        found = {
            "scope": self.scope,
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "base": self.base.value,
        }
        return found | ({"category": self.category} if self.category else {})


def read_asked(given: Mapping[str, str], *, staff: SignedIn, today: date) -> Asked:
    """Return what an address asks; what it leaves out is the last 13 weeks of their own area.

    Raises NotFound for an area that is not theirs, InvalidInput `risk-period-invalid`,
    `risk-base-unknown` or `category-unknown`.
    """
    monday = today - timedelta(days=today.weekday())
    last = _day(given.get("to"), today)
    first = _day(given.get("from"), min(monday - timedelta(weeks=WEEKS - 1), last))
    if not timedelta() <= last - first < timedelta(days=_MOST_DAYS) or last > today:
        raise _period_invalid()
    code, base = given.get("category") or None, given.get("base") or Base.TIPS.value
    if base not in set(Base):
        raise InvalidInput(
            "risk-base-unknown",
            Words("比较基准请填 tips 或 even。", "The base is tips or even."),
            field="base",
        )
    return Asked(
        scope=allowed_scope(staff, given.get("scope")),
        first=first,
        last=last,
        category=category(code).code if code else None,
        base=Base(base),
    )


def _day(text: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise _period_invalid() from None


def _period_invalid() -> InvalidInput:
    return InvalidInput(
        "risk-period-invalid",
        Words(
            "起止日期请写成 2026-11-22 的形式，起不晚于止，止不晚于今天，最长两年。",
            "Write the days like 2026-11-22: the first not after the last, the last not after "
            "today, two years at most.",
        ),
        field="from",
    )
