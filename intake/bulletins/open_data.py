"""The bulletin as open data: what an issue's public form says, and not a figure more.

Everything here is made of `public_document` and of when and as what it was published. Of a
revision's causes only the kinds are told, and what changed is the difference of two public
forms. The seal of an issue is not given out: it covers figures that are withheld.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from intake.bulletins.figures import row_words
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import digest
from schemas.bulletins.territory import Table
from schemas.divisions import full_name
from schemas.tables import BulletinIssue
from schemas.words import Words

TOTAL = "total"
MOST_ISSUES = 500
COLUMNS: dict[str, Words] = {
    "number": Words("期号", "the issue's number"),
    "revision": Words("第几版", "the revision"),
    "scope": Words("区域代码（GB/T 2260）", "area code (GB/T 2260)"),
    "week": Words("ISO 8601 周", "ISO 8601 week"),
    "table": Words(
        "表：total 合计，province、city、county、station、category、platform、severity",
        "table: total, province, city, county, station, category, platform or severity",
    ),
    "row": Words(
        "行的代码；合计为空，整列不公布为 *",
        "the row's code; empty for a total, * for a column that is withheld as a whole",
    ),
    "row_name": Words("行的名称", "the row's name"),
    "indicator": Words("指标代码", "the figure's key"),
    "unit": Words(
        "value 的单位：basis_points 为万分之一，fen 为分，hundredths_of_days 为百分之一工作日",
        "of value: basis_points are 1/10,000, fen 1/100 yuan, hundredths_of_days of a working day",
    ),
    "status": Words(
        "shown 公布，withheld 不公布，held_back 沿用上一版",
        "shown, withheld, or held_back (stands as the revision before had it)",
    ),
    "value": Words("数值（整数）；不公布的为空", "a whole number; empty where it is withheld"),
}
CAUSES: dict[str, Words] = {
    "move": Words("补记了案件的办理步骤", "steps of cases were recorded late"),
    "act": Words("补记了延期、整改等事项", "extensions, orders and the like were recorded late"),
    "linked": Words("举报并入了案件", "reports were linked to cases"),
    "unlinked": Words("举报从案件中分出", "reports were taken out of cases"),
    "calendar": Words("工作日历有更新", "the calendar of working days was loaded anew"),
}


@dataclass(frozen=True, slots=True)
class OpenIssue:
    """A published issue as anybody may see it; `form` is its public document."""

    number: str
    scope: str
    week: str
    revision: int
    published_at: datetime
    form: Mapping[str, Any]
    sha256: str
    causes: tuple[str, ...]

    @property
    def area(self) -> str:
        """The name of its area."""
        return full_name(self.scope)

    @property
    def is_empty(self) -> bool:
        """Whether too little was received, or an area around it was opened, to show anything."""
        return not self.form["totals"]


def open_issues(session: Session, *, scope: str | None = None) -> list[OpenIssue]:
    """Return the published issues, of one area or all, the latest first, MOST_ISSUES of them."""
    query = _issues().order_by(BulletinIssue.published_at.desc(), BulletinIssue.id.desc())
    if scope:
        query = query.where(BulletinIssue.scope_code == scope)
    return [_open(row) for row in session.scalars(query.limit(MOST_ISSUES))]


def open_issue(session: Session, *, number: str) -> OpenIssue | None:
    """Return one of them."""
    row = session.scalars(_issues().where(BulletinIssue.number == number)).one_or_none()
    return _open(row) if row else None


def revision_before(session: Session, issue: OpenIssue) -> OpenIssue | None:
    """Return the revision that an issue took the place of, None for a first one."""
    return open_issue(session, number=f"ZB-{issue.scope}-{issue.week}-{issue.revision - 1}")


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what two public forms show differently; a figure that one withholds is null."""
    old, new = dict(_figures(before)), dict(_figures(after))
    return [
        {"table": table, "row": row, "indicator": key, "before": old.get(at), "after": new.get(at)}
        for at in sorted({*old, *new})
        for table, row, key in (at,)
        if old.get(at) != new.get(at)
    ]


def as_csv(issue: OpenIssue, *, locale: str) -> bytes:
    """Return an issue as CSV (RFC 4180, UTF-8 with a mark), in COLUMNS."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for table, row, key, status, value in _lines(issue.form):
        name = row_words(table, row).say(locale) if row not in ("", "*") else ""
        head = (issue.number, issue.revision, issue.scope, issue.week)
        writer.writerow((*head, table, row, name, key, INDICATORS[key].unit.value, status, value))
    return out.getvalue().encode("utf-8-sig")


def _issues() -> Select[BulletinIssue]:
    # The office's own document is ten times as long, and nothing in here may read it.
    return select(BulletinIssue).options(defer(BulletinIssue.document, raiseload=True))


def _open(row: BulletinIssue) -> OpenIssue:
    deltas = json.loads(row.deltas)
    kinds = {fact["what"] for cause in deltas.get("causes", ()) for fact in cause["because"]}
    return OpenIssue(
        number=row.number,
        scope=row.scope_code,
        week=row.week,
        revision=row.revision,
        published_at=row.published_at,
        form=json.loads(row.public_document),
        sha256=digest(row.public_document),
        causes=tuple(kind for kind in CAUSES if kind in kinds),
    )


def _figures(form: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], int | None]]:
    for key, value in form["totals"].items():
        yield (TOTAL, "", key), value
    for table, rows in form["tables"].items():
        for row, figures in rows.items():
            for key, value in figures.items():
                yield (table, row, key), value


def _lines(form: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, int | None]]:
    back = set(form["held_back"])
    for (table, row, key), value in _figures(form):
        yield table, row, key, "held_back" if key in back else "shown", value
    for key in form["withheld_totals"]:
        yield TOTAL, "", key, "withheld", None
    for table in Table:
        for key in form["closed_columns"].get(table.value, ()):
            yield table.value, "*", key, "withheld", None
        for key, rows in form["withheld"].get(table.value, {}).items():
            for row in rows:
                yield table.value, row, key, "withheld", None
