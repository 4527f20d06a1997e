"""A bulletin as data: one object from which the page's files, the API and the mail are made."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from intake.bulletins.figures import row_words
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin, change, read_bulletin
from schemas.bulletins.indicators import Nature
from schemas.bulletins.tallies import Figures
from schemas.bulletins.territory import Table
from schemas.divisions import full_name
from schemas.tables import BulletinIssue
from schemas.words import Words

TOTAL, COHORT = "total", "cohort"


class Format(StrEnum):
    """What kind of file a bulletin is taken out as."""

    PDF = "pdf"
    XLSX = "xlsx"
    CSV = "csv"
    JSON = "json"


TYPES = {
    Format.PDF: "application/pdf",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSON: "application/json",
}
# The columns of the CSV file and what each holds; the definitions page and the workbook say so.
COLUMNS: dict[str, Words] = {
    "number": Words("编号；草稿为空", "the issue's number; empty for a draft"),
    "revision": Words("版；草稿为空", "the revision; empty for a draft"),
    "scope": Words(
        "区域代码（GB/T 2260），全国为 000000", "area code (GB/T 2260); 000000 the country"
    ),
    "week": Words("ISO 8601 周，如 2026-W47", "ISO 8601 week such as 2026-W47"),
    "table": Words(
        "表：total 合计，province、city、county、station、category、platform、severity，"
        "cohort 按收到周",
        "table: total, province, city, county, station, category, platform, severity; cohort by "
        "week of receipt",
    ),
    "row": Words("行的代码；合计为空", "the row's code; empty for a total"),
    "row_name": Words("行的名称", "the row's name"),
    "indicator": Words("指标代码", "the figure's key"),
    "indicator_name": Words("指标名称", "the figure's name"),
    "nature": Words(
        "flow 本周发生，stock 周末时点，cohort 按收到周",
        "flow in the week, stock at its end, cohort",
    ),
    "unit": Words(
        "value 的单位：basis_points 为万分之一，fen 为分，hundredths_of_days 为百分之一工作日",
        "of value: basis_points are 1/10,000, hundredths_of_days of a working day",
    ),
    "value": Words(
        "数值（整数）；算不出时为空", "the value, a whole number; empty if there is none"
    ),
    "previous": Words("上一周的数值", "the value of the week before"),
    "change": Words(
        "环比：件数、金额为变化的万分之一，比率、时间为差值；分母为零时为空",
        "on the week before: of counts in 1/10,000 of it, of rates and times the difference",
    ),
    "last_year": Words("上年同一周的数值", "the value of the same ISO week a year before"),
    "change_last_year": Words("同比，同上", "on the year before, likewise"),
}


@dataclass(frozen=True, slots=True)
class Edition:
    """A bulletin with the issue that it was published as; None for a draft."""

    bulletin: Bulletin
    issue: BulletinIssue | None

    @property
    def name(self) -> str:
        """What a file of it is called, without its ending."""
        found = self.bulletin
        return self.issue.number if self.issue else f"draft-{found.scope}-{found.week.name}"

    @property
    def deltas(self) -> Mapping[str, Any]:
        """What a revision changed, as it was published; empty for a first issue."""
        return json.loads(self.issue.deltas) if self.issue else {}


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one row, with what it is compared with."""

    table: str
    row: str
    key: str
    value: int | None
    previous: int | None = None
    last_year: int | None = None


def edition_of(issue: BulletinIssue) -> Edition:
    """Return a published issue as it was frozen."""
    return Edition(read_bulletin(issue.document), issue)


def lines_of(bulletin: Bulletin) -> Iterator[Line]:
    """Yield every figure: the totals, each table's rows, and the weeks of receipt."""
    before = bulletin.previous.totals if bulletin.previous else None
    year = bulletin.last_year.totals if bulletin.last_year else None
    # What its method does not count is not zero, but nothing that it says.
    totals = tuple(key for key in INDICATORS if key in bulletin.totals)
    yield from _row(TOTAL, "", bulletin.totals, before, year, keys=totals)
    keys = tuple(
        key for key, each in INDICATORS.items() if each.in_rows and each.nature is not Nature.COHORT
    )
    for table in Table:
        for row, figures in bulletin.tables.get(table.value, {}).items():
            compared = (
                None if each is None else each.tables.get(table.value, {}).get(row, {})
                for each in (bulletin.previous, bulletin.last_year)
            )
            yield from _row(table.value, row, figures, *compared, keys=keys)
    for cohort in bulletin.cohorts:
        for key, value in cohort.figures.items():
            yield Line(COHORT, cohort.week.name, key, value)


def _row(
    table: str,
    row: str,
    figures: Figures,
    before: Figures | None,
    year: Figures | None,
    *,
    keys: tuple[str, ...],
) -> Iterator[Line]:
    for key in keys:
        # A count that is left out of a row is zero; a rate or a time that is left out is none.
        absent = 0 if INDICATORS[key].is_count else None
        values = (
            None if each is None else each.get(key, absent) for each in (figures, before, year)
        )
        yield Line(table, row, key, *values)


def name_of(line: Line) -> Words:
    """Return the name of a line's row."""
    if line.table in (TOTAL, COHORT):
        return Words(line.row, line.row)
    return row_words(line.table, line.row)


def as_csv(edition: Edition, *, locale: str) -> bytes:
    """Return every figure as CSV (RFC 4180, UTF-8 with a mark, since spreadsheets ask for it)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    found, issue = edition.bulletin, edition.issue
    for line in lines_of(found):
        indicator = INDICATORS[line.key]
        writer.writerow(
            (
                issue.number if issue else "",
                issue.revision if issue else "",
                found.scope,
                found.week.name,
                line.table,
                line.row,
                name_of(line).say(locale),
                line.key,
                indicator.words.say(locale),
                indicator.nature.value,
                indicator.unit.value,
                line.value,
                line.previous,
                change(line.key, line.value, line.previous),
                line.last_year,
                change(line.key, line.value, line.last_year),
            )
        )
    return out.getvalue().encode("utf-8-sig")


def as_document(edition: Edition) -> dict[str, Any]:
    """Return a bulletin as plain JSON values, with what it was published as."""
    issue = edition.issue
    return {
        "number": issue.number if issue else None,
        "revision": issue.revision if issue else None,
        "scope_name": full_name(edition.bulletin.scope),
        "signer": issue.signer_name if issue else None,
        "published_at": issue.published_at.isoformat() if issue else None,
        "sha256": issue.sha256 if issue else None,
        "previous_sha256": issue.previous_sha256 if issue else None,
        "bulletin": edition.bulletin.document(),
        "deltas": edition.deltas,
    }


def as_json(edition: Edition) -> bytes:
    """Return a bulletin as a JSON file."""
    return json.dumps(as_document(edition), ensure_ascii=False, indent=1).encode()
