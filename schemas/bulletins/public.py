"""The form of a bulletin that anybody may see: totals and tables without small cells.

In tables only figures stand that are not tied to one another (indicators' `open_rows`);
what is tied by a sum in the totals is withheld by the same method, as the cells of a column
whose total is the sum. A rate or a mean falls with what it is made of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin, Compared
from schemas.bulletins.indicators import Unit
from schemas.bulletins.suppression import withhold
from schemas.bulletins.tallies import Figures
from schemas.bulletins.territory import Table

# Totals that add up to another: its members are withheld together, so that none is reckoned.
_SUMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("received", ("accepted", "legal_duplicates", "invalid_reports", "unprocessed")),
    ("received", ("received_done", "received_under_way", "received_waiting", "received_other")),
    ("concluded", ("verified", "unfounded", "unverifiable")),
    ("overdue", ("overdue_open", "done_late")),
    ("due", ("due_done", "due_left")),
    ("cohort_concluded", ("cohort_verified", "cohort_refuted")),
    ("cohort_cases", ("cohort_concluded", "cohort_pending")),
    ("campaign_visited", ("campaign_found", "campaign_clean")),
)
# What tells a figure that is withheld, or means nothing without it.
_RESTS_ON: dict[str, tuple[str, ...]] = {
    "verification_rate": ("verified", "concluded"),
    "completion_rate": ("due_done", "due"),
    "cohort_rate": ("cohort_verified", "cohort_concluded"),
    "handling_mean": ("closed",),
    "handling_median": ("closed",),
    "fines_fen": ("penalised",),
    "confiscated_fen": ("penalised",),
    "shops_shut": ("penalised",),
    "incidents": ("received",),
    "campaign_share": ("campaign_found", "campaign_visited"),
    "points_earned": ("verified",),
    "points_approved": ("verified",),
}
_NESTED = {Table.STATION: (Table.COUNTY, 6), Table.COUNTY: (Table.CITY, 4)}
_TABLE_ORDER = [table.value for table in Table]
_COUNTS = frozenset({Unit.REPORTS, Unit.CASES, Unit.ORDERS, Unit.RIDERS, Unit.SHOPS, Unit.TASKS})


@dataclass
class PublicForm:
    """What is shown and what is withheld of the tables `names`.

    A column that is held back stands as it did before.
    """

    names: frozenset[str] = frozenset()
    totals: dict[str, int | None] = field(default_factory=dict)
    tables: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    withheld_totals: list[str] = field(default_factory=list)
    withheld: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    closed_columns: dict[str, list[str]] = field(default_factory=dict)
    held_back: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {
            "totals": self.totals,
            "tables": self.tables,
            "withheld_totals": sorted(self.withheld_totals),
            "withheld": self.withheld,
            "closed_columns": {name: sorted(keys) for name, keys in self.closed_columns.items()},
            "held_back": sorted(self.held_back),
        }


def public_form(
    bulletin: Bulletin,
    *,
    revision: int,
    earlier: Mapping[str, Any] | None = None,
    others: Mapping[str, Mapping[str, Any]] | None = None,
    is_elsewhere: bool = False,
) -> dict[str, Any]:
    """Return the public document of a bulletin.

    `earlier` is that of the revision before. `others` maps a week's name to the latest
    public document of that week, from which alone changes are reckoned. `is_elsewhere`
    says that this week was opened for an area that contains this one or lies in it: the
    two could be subtracted, so that only one of them is shown.
    """
    form = PublicForm(names=frozenset(bulletin.tables))
    threshold = bulletin.parameters.small_cell
    if not is_elsewhere and (bulletin.totals["received"] or 0) >= threshold:
        _fill_tables(form, bulletin, earlier or {}, threshold)
        _fill_totals(form, bulletin.totals, threshold)
        if earlier:
            _hold_back(form, earlier)
    found = form.document() | {
        "method": bulletin.method,
        "scope": bulletin.scope,
        "week": bulletin.week.name,
        "revision": revision,
        "small_cell": threshold,
        "is_elsewhere": is_elsewhere,
    }
    return found | {
        name: _compared(compared, (others or {}).get(compared.week.name)) if compared else None
        for name, compared in (("previous", bulletin.previous), ("last_year", bulletin.last_year))
    }


def open_keys() -> tuple[str, ...]:
    """Return the counts that public tables show."""
    return tuple(key for key, each in INDICATORS.items() if each.open_rows and each.is_count)


def _fill_tables(
    form: PublicForm, bulletin: Bulletin, earlier: Mapping[str, Any], threshold: int
) -> None:
    for key in open_keys():
        if INDICATORS[key].unit not in _COUNTS:
            continue
        # The wider areas first: what lies in them follows.
        for name in sorted(bulletin.tables, key=_TABLE_ORDER.index):
            rows = bulletin.tables[name]
            cells = {row: int(each[key] or 0) for row, each in rows.items() if each.get(key)}
            hidden = _hidden(form, name, key, cells, earlier, threshold)
            if hidden is None:
                form.closed_columns.setdefault(name, []).append(key)
                continue
            if hidden:
                form.withheld.setdefault(name, {})[key] = sorted(hidden)
            for row in cells.keys() - hidden:
                shown = form.tables.setdefault(name, {}).setdefault(row, {})
                shown[key] = cells[row]
                for other, needs in _RESTS_ON.items():
                    value = rows[row].get(other)
                    if INDICATORS[other].open_rows and key in needs and value:
                        shown[other] = value


def _hidden(
    form: PublicForm,
    name: str,
    key: str,
    cells: Mapping[str, int],
    earlier: Mapping[str, Any],
    threshold: int,
) -> frozenset[str] | None:
    """Return the rows of a column to withhold, group by group where a table lies in another."""
    before = set(earlier.get("withheld", {}).get(name, {}).get(key, ()))
    shown = earlier.get("tables", {}).get(name, {})
    known = {row for row, value in cells.items() if shown.get(row, {}).get(key) == value}
    if key in earlier.get("closed_columns", {}).get(name, ()):
        return None
    found: set[str] = set()
    for group, is_hidden in _groups(form, name, key, cells):
        part = {row: cells[row] for row in group}
        hidden = (
            frozenset(part)
            if is_hidden
            else withhold(part, threshold=threshold, before=before & set(part), known=known)
        )
        if hidden is None:
            # Inside a shown row all of its parts are withheld, by name; else the whole column.
            if not _is_nested(form, name):
                return None
            hidden = frozenset(part)
        found |= hidden
    return frozenset(found)


def _is_nested(form: PublicForm, name: str) -> bool:
    above = _NESTED.get(Table(name))
    return above is not None and above[0].value in form.names


def _groups(
    form: PublicForm, name: str, key: str, cells: Mapping[str, int]
) -> Iterator[tuple[list[str], bool]]:
    """Yield the rows that add up to one figure, and whether that figure is withheld itself."""
    if not _is_nested(form, name):
        yield list(cells), False
        return
    above, digits = _NESTED[Table(name)]
    closed = key in form.closed_columns.get(above.value, ())
    hidden = set(form.withheld.get(above.value, {}).get(key, ()))
    groups: dict[str, list[str]] = {}
    for row in cells:
        groups.setdefault(f"{row[:digits]:0<6}", []).append(row)
    for parent, rows in groups.items():
        yield rows, closed or parent in hidden


def _fill_totals(form: PublicForm, totals: Figures, threshold: int) -> None:
    hidden = {
        key
        for key, value in totals.items()
        if INDICATORS[key].unit in _COUNTS and 0 < (value or 0) < threshold
    }
    values = dict(totals) | {"due_left": (totals["due"] or 0) - (totals["due_done"] or 0)}
    # Once more, since what is withheld in one sum may be the sum of others.
    for _ in _SUMS:
        for whole, parts in _SUMS:
            # What an older method does not count is not there.
            cells = {part: int(values[part] or 0) for part in parts if values.get(part)}
            is_whole_hidden = whole in hidden
            found = withhold(cells, threshold=threshold, before=hidden & set(cells))
            if found is None or (is_whole_hidden and cells):
                found = frozenset(cells)
            hidden |= found
    for key in totals:
        if any(each in hidden for each in (key, *_RESTS_ON.get(key, ()))):
            form.withheld_totals.append(key)
        else:
            form.totals[key] = totals[key]


def _hold_back(form: PublicForm, earlier: Mapping[str, Any]) -> None:
    """Leave a figure as it was published where its new value would tell a small cell.

    That is where a column can't be shown any more: its total less the cells that are
    known from before would be the very cell that changed.
    """
    closed = {
        key
        for name, keys in form.closed_columns.items()
        for key in keys
        if key not in earlier["closed_columns"].get(name, ())
    } | {key for key in form.withheld_totals if key in earlier["totals"]}
    tied = {each for whole, parts in _SUMS for each in (whole, *parts) if closed & {whole, *parts}}
    resting = {key for key, needs in _RESTS_ON.items() if (closed | tied) & set(needs)}
    back = (closed | tied | resting) & set(INDICATORS)
    for key in back:
        form.totals.pop(key, None)
        if key in earlier["totals"]:
            form.totals[key] = earlier["totals"][key]
    form.withheld_totals = sorted(
        {key for key in form.withheld_totals if key not in back}
        | {key for key in back if key in earlier["withheld_totals"]}
    )
    for name in {*form.tables, *earlier["tables"]}:
        _column_back(form, earlier, name, back)
    form.held_back = sorted(back)


def _column_back(form: PublicForm, earlier: Mapping[str, Any], name: str, back: set[str]) -> None:
    rows = form.tables.setdefault(name, {})
    for figures in rows.values():
        for key in back:
            figures.pop(key, None)
    for row, figures in earlier["tables"].get(name, {}).items():
        kept = {key: value for key, value in figures.items() if key in back}
        if kept:
            rows.setdefault(row, {}).update(kept)
    form.withheld[name] = {
        key: hidden for key, hidden in form.withheld.get(name, {}).items() if key not in back
    } | {key: value for key, value in earlier["withheld"].get(name, {}).items() if key in back}
    form.closed_columns[name] = [
        key for key in form.closed_columns.get(name, ()) if key not in back
    ] + [key for key in earlier["closed_columns"].get(name, ()) if key in back]


def _compared(compared: Compared, public: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return of another week what its own public document shows and is still so."""
    shown = public or {"totals": {}, "tables": {}}
    return {
        "week": compared.week.name,
        "totals": {
            key: value
            for key, value in shown["totals"].items()
            if compared.totals.get(key) == value
        },
        "tables": {
            name: {
                row: {
                    key: value
                    for key, value in figures.items()
                    if compared.tables.get(name, {}).get(row, {}).get(key) == value
                }
                for row, figures in rows.items()
            }
            for name, rows in shown["tables"].items()
        },
    }
