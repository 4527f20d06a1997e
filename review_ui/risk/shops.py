"""Shops that were verified more than once: known again as in the bulletin (`repeat_shops`)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from review_ui.risk.facts import counted
from schemas.lifecycle import State
from schemas.tables import Case, CaseHistory, ShopFinding
from schemas.workdays import local_date

MOST_SHOWN = 100
_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop by its key (schemas.shop_names), with its verified cases, the last one first.

    Its name, county and categories are those that its cases have; `last_on` is the local
    day of the last verification.
    """

    key: str
    name: str
    county: str | None
    cases: int
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    last_on: date

    @property
    def credit_code(self) -> str:
        """Its unified social credit code, empty where none was found."""
        return self.key.removeprefix("uscc:") if self.key.startswith("uscc:") else ""


def shops(
    session: Session,
    *,
    where: Sequence[ColumnElement[bool]],
    begins_at: datetime,
    ends_at: datetime,
    category: str | None = None,
    least: int = 2,
    most: int = MOST_SHOWN,
) -> list[Shop]:
    """Return the shops with at least so many verified cases in a period, most cases first.

    `where` are conditions on Case: the territory, and what the reader may see.
    """
    narrowed = _narrowed(where, begins_at, ends_at, category)
    number = func.count(Case.incident_id.distinct())
    found = session.execute(
        select(ShopFinding.shop_key, number)
        .join(Case, Case.id == ShopFinding.case_id)
        .where(*narrowed)
        .group_by(ShopFinding.shop_key)
        .having(number >= least)
        .order_by(number.desc(), ShopFinding.shop_key)
        .limit(most)
    ).all()
    details = _details(session, [key for key, _ in found], narrowed)
    return sorted(
        (_shop(key, cases, details[key]) for key, cases in found),
        key=lambda shop: (-shop.cases, -shop.last_on.toordinal(), shop.key),
    )


class Detail(NamedTuple):
    """One verified case of a shop."""

    number: str
    name: str
    county: str | None
    categories: list[str]
    occurred_at: datetime


def _narrowed(
    where: Sequence[ColumnElement[bool]],
    begins_at: datetime,
    ends_at: datetime,
    category: str | None,
) -> list[ColumnElement[bool]]:
    reopened = exists().where(
        CaseHistory.case_id == ShopFinding.case_id,
        CaseHistory.version > ShopFinding.version,
        CaseHistory.to_state == State.REOPENED.value,
    )
    first, *others = where
    return [
        ShopFinding.occurred_at >= begins_at,
        ShopFinding.occurred_at < ends_at,
        ~reopened,
        *counted(first, category),
        *others,
    ]


def _details(
    session: Session, keys: Sequence[str], narrowed: Sequence[ColumnElement[bool]]
) -> dict[str, list[Detail]]:
    found: defaultdict[str, list[Detail]] = defaultdict(list)
    for start in range(0, len(keys), _AT_A_TIME):
        rows = session.execute(
            select(
                ShopFinding.shop_key, Case.number, Case.premises_name, Case.county_code,
                Case.categories, ShopFinding.occurred_at,
            )
            .join(Case, Case.id == ShopFinding.case_id)
            .where(ShopFinding.shop_key.in_(keys[start : start + _AT_A_TIME]), *narrowed)
            .order_by(ShopFinding.occurred_at.desc(), Case.number)
        )  # fmt: skip
        for key, number, name, county, categories, occurred_at in rows:
            found[key].append(Detail(number, name, county, categories, occurred_at))
    return found


def _shop(key: str, cases: int, details: Sequence[Detail]) -> Shop:
    return Shop(
        key=key,
        name=next((each.name for each in details if each.name), ""),
        county=details[0].county,
        cases=cases,
        numbers=tuple(dict.fromkeys(each.number for each in details)),
        categories=tuple(sorted({code for each in details for code in each.categories})),
        last_on=local_date(details[0].occurred_at),
    )
