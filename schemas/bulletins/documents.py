"""The bulletin as an object and as its canonical document, which is what is frozen and hashed.

Canonical JSON: sorted keys, no spaces, UTF-8, no floats; moments are ISO 8601 in UTC.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.indicators import Indicator, Unit
from schemas.bulletins.parameters import Parameters, read_parameters
from schemas.bulletins.tallies import Figures
from schemas.weeks import Week, read_week


@dataclass(frozen=True, slots=True)
class Cohort:
    """One week of receipt, followed up to the bulletin's `as_of`."""

    week: Week
    figures: Figures


@dataclass(frozen=True, slots=True)
class Compared:
    """Another week's figures, as they are known now: what 环比 and 同比 are reckoned from."""

    week: Week
    totals: Figures
    tables: Mapping[str, Mapping[str, Figures]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """One week of one territory in figures.

    `totals` holds every indicator, `tables` each table's rows by their key: in a row a count
    of zero is left out, and so is a rate that can't be reckoned. `previous` is the week
    before (环比), `last_year` the same ISO week a year ago (同比), None where there is none.
    """

    method: str
    scope: str
    week: Week
    as_of: datetime
    known_at: datetime
    parameters: Parameters
    totals: Figures
    tables: Mapping[str, Mapping[str, Figures]]
    cohorts: tuple[Cohort, ...] = ()
    previous: Compared | None = None
    last_year: Compared | None = field(default=None)

    @property
    def is_running(self) -> bool:
        """Whether its week was not over yet."""
        return self.as_of < self.week.ends_at

    def document(self) -> dict[str, Any]:
        """Return the bulletin as plain JSON values."""
        return {
            "method": self.method,
            "scope": self.scope,
            "week": self.week.name,
            "as_of": _moment(self.as_of),
            "known_at": _moment(self.known_at),
            "parameters": self.parameters.document(),
            "totals": dict(self.totals),
            "tables": _tables(self.tables),
            "cohorts": [
                {"week": each.week.name, "figures": dict(each.figures)} for each in self.cohorts
            ],
            "previous": _compared(self.previous),
            "last_year": _compared(self.last_year),
        }

    @property
    def canonical(self) -> str:
        """The canonical document."""
        return canonical_json(self.document())

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of the canonical document."""
        return digest(self.canonical)


def read_bulletin(canonical: str) -> Bulletin:
    """Return the bulletin of its canonical document."""
    found = json.loads(canonical)
    return Bulletin(
        method=found["method"],
        scope=found["scope"],
        week=read_week(found["week"]),
        as_of=datetime.fromisoformat(found["as_of"]),
        known_at=datetime.fromisoformat(found["known_at"]),
        parameters=read_parameters(found["parameters"]),
        totals=found["totals"],
        tables=found["tables"],
        cohorts=tuple(
            Cohort(read_week(each["week"]), each["figures"]) for each in found["cohorts"]
        ),
        previous=_read_compared(found["previous"]),
        last_year=_read_compared(found["last_year"]),
    )


def canonical_json(document: Mapping[str, Any]) -> str:
    """Return a document as canonical JSON."""
    return json.dumps(
        document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def digest(text: str) -> str:
    """Return SHA-256 (hex) of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def change(key: str, now: int | None, before: int | None) -> int | None:
    """Return by how much an indicator changed, or None where that can't be said («—»).

    A count or a sum changes in basis points of what it was before, none where that was
    zero; a rate in basis points themselves, which are hundredths of a percentage point;
    a time in hundredths of a day.
    """
    if now is None or before is None:
        return None
    indicator: Indicator = INDICATORS[key]
    if indicator.unit in (Unit.BASIS_POINTS, Unit.HUNDREDTHS_OF_DAYS):
        return now - before
    if before == 0:
        return None
    rounded = (abs(now - before) * 20_000 + before) // (2 * before)
    return rounded if now >= before else -rounded


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _tables(tables: Mapping[str, Mapping[str, Figures]]) -> dict[str, Any]:
    return {
        name: {row: dict(figures) for row, figures in rows.items()} for name, rows in tables.items()
    }


def _compared(compared: Compared | None) -> dict[str, Any] | None:
    if compared is None:
        return None
    return {
        "week": compared.week.name,
        "totals": dict(compared.totals),
        "tables": _tables(compared.tables),
    }


def _read_compared(found: Mapping[str, Any] | None) -> Compared | None:
    if found is None:
        return None
    return Compared(read_week(found["week"]), found["totals"], found["tables"])
