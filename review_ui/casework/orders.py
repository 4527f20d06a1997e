"""Rectification orders of a case, whatever its state: an order runs beside a filing."""

from dataclasses import dataclass
from datetime import date

from schemas.deadlines import Fact, Facts
from schemas.workdays import local_date


@dataclass(frozen=True, slots=True)
class RectificationOrder:
    """An order to put something right; `result` and `reinspected_on` are None while it runs."""

    number: str
    ordered_on: date
    rectify_by: date
    result: str | None = None
    reinspected_on: date | None = None

    @property
    def is_running(self) -> bool:
        """Whether nobody has re-inspected yet."""
        return self.result is None

    def is_late(self, today: date) -> bool:
        """Whether its deadline has passed without a re-inspection."""
        return self.is_running and self.rectify_by < today


def rectification_orders(facts: Facts) -> tuple[RectificationOrder, ...]:
    """Return a case's orders, the oldest first; each re-inspection ends the one that runs."""
    found: list[RectificationOrder] = []
    for row in facts.all:
        if "order_number" in row.record:
            found.append(_ordered(row))
        elif "reinspection_result" in row.record and found:
            found[-1] = _reinspected(found[-1], row)
    return tuple(found)


def _ordered(row: Fact) -> RectificationOrder:
    on = row.record.get("ordered_on")
    return RectificationOrder(
        number=row.record["order_number"],
        ordered_on=date.fromisoformat(on) if on else local_date(row.occurred_at),
        rectify_by=date.fromisoformat(row.record["rectify_by"]),
    )


def _reinspected(order: RectificationOrder, row: Fact) -> RectificationOrder:
    return RectificationOrder(
        number=order.number,
        ordered_on=order.ordered_on,
        rectify_by=order.rectify_by,
        result=row.record["reinspection_result"],
        reinspected_on=date.fromisoformat(row.record["visited_on"]),
    )
