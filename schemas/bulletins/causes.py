"""What changed between two moments of knowledge, figure by figure, and because of which cases.

Every case is counted by itself at both moments. So the causes add up to the change: a
test holds that nothing is left unexplained.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from schemas.bulletins.candidates import cases_of_week
from schemas.bulletins.computing import frame_of
from schemas.bulletins.counting import Count, Frame, Rows, counts_of
from schemas.bulletins.definitions import SUMS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.facts import CaseFile, read_files
from schemas.bulletins.methods import method_of
from schemas.bulletins.territory import Table, read_scope

# What explains a change of a case's figures where nothing was recorded of it in between.
_CALENDAR = {"what": "calendar"}


def deltas_between(session: Session, before: Bulletin, after: Bulletin) -> dict[str, Any]:
    """Return what a revision changed: `totals`, `tables` and `causes`.

    `totals` and each table's rows map a figure to [before, after]. A cause names a case,
    what it changed in the totals, in which tables it changed rows, and the facts that
    were recorded in between.
    """
    return {
        "from": before.known_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "totals": _changes(before.totals, after.totals),
        "tables": {
            name: rows
            for name in after.tables
            for rows in (_rows_changed(before.tables.get(name, {}), after.tables[name]),)
            if rows
        },
        "causes": _causes(session, before, after),
    }


def _changes(before: Any, after: Any) -> dict[str, list[int | None]]:
    return {
        key: [before.get(key), after.get(key)]
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    }


def _rows_changed(before: Any, after: Any) -> dict[str, Any]:
    return {
        row: changes
        for row in sorted({*before, *after})
        for changes in (_changes(before.get(row, {}), after.get(row, {})),)
        if changes
    }


def _causes(session: Session, before: Bulletin, after: Bulletin) -> list[dict[str, Any]]:
    scope = read_scope(session, after.scope)
    old, new = (
        frame_of(
            session,
            week=each.week,
            scope=scope,
            known_at=each.known_at,
            parameters=each.parameters,
            method=method_of(each.method),
        )
        for each in (before, after)
    )
    found = []
    for file in read_files(session, cases_of_week(session, new)):
        was, now = _added(file, old), _added(file, new)
        if was == now:
            continue
        found.append(
            {
                "case": file.number,
                "totals": _difference(was, now),
                "tables": _tables_changed(was, now),
                "because": _facts(file, old.known_at, new.known_at) or [_CALENDAR],
            }
        )
    return sorted(found, key=lambda each: str(each["case"]))


def _added(file: CaseFile, frame: Frame) -> Counter[tuple[str, Rows, object]]:
    """Return what a case adds, told apart by row, by rider and by handling time."""
    found: Counter[tuple[str, Rows, object]] = Counter()
    for count in counts_of(file, frame):
        found[(count.key, count.rows, _particular(count))] += count.number
    return found


def _particular(count: Count) -> object:
    if count.one_of is not None:
        return str(count.one_of)
    return count.days if count.days is not None else count.cohort and count.cohort.name


def _difference(
    was: Counter[tuple[str, Rows, object]], now: Counter[tuple[str, Rows, object]]
) -> dict[str, int]:
    found: Counter[str] = Counter()
    for sign, counted in ((-1, was), (1, now)):
        for (key, _, _), number in counted.items():
            found[key] += sign * number
    for key, parts in SUMS.items():
        found[key] = sum(found[part] for part in parts)
    return {key: number for key, number in sorted(found.items()) if number}


def _tables_changed(
    was: Counter[tuple[str, Rows, object]], now: Counter[tuple[str, Rows, object]]
) -> list[str]:
    def by_row(counted: Counter[tuple[str, Rows, object]]) -> Counter[tuple[str, Table, str]]:
        found: Counter[tuple[str, Table, str]] = Counter()
        for (key, rows, _), number in counted.items():
            for table, row in rows:
                found[(key, table, row)] += number
        return found

    one, other = by_row(was), by_row(now)
    return sorted(
        {table.value for (_, table, _), number in ((one - other) + (other - one)).items() if number}
    )


def _facts(file: CaseFile, after: datetime, until: datetime) -> list[dict[str, Any]]:
    """Return what was recorded of a case after one moment and up to another, in order."""
    found: list[tuple[datetime, dict[str, Any]]] = []
    for move in file.moves:
        if after < move.recorded_at <= until:
            facts = {"what": "move", "to": move.target.value, "occurred_at": _utc(move.occurred_at)}
            found.append((move.recorded_at, facts))
    for deed in file.deeds:
        if after < deed.recorded_at <= until:
            facts = {"what": "act", "act": deed.code, "occurred_at": _utc(deed.occurred_at)}
            found.append((deed.recorded_at, facts))
    for tip in file.tips:
        for bond in tip.bonds:
            if after < bond.linked_at <= until:
                found.append((bond.linked_at, {"what": "linked"}))
            if bond.unlinked_at is not None and after < bond.unlinked_at <= until:
                found.append((bond.unlinked_at, {"what": "unlinked"}))
    ordered = sorted(found, key=lambda pair: pair[0])
    return [{**facts, "recorded_at": _utc(moment)} for moment, facts in ordered]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
