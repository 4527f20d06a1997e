"""A list as a file: only what the screen shows, safe to open in a spreadsheet, and audited."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date
from enum import StrEnum

import xlsxwriter
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from review_ui.lists.filters import Filters, Tab
from review_ui.lists.queue import Row, page_of_cases
from review_ui.presenting import category_name, county_full, flag, say, state_name
from schemas import audit
from schemas.words import Words
from schemas.workdays import CalendarOverrides, local_date


class Format(StrEnum):
    """What kind of file a list is taken out as."""

    CSV = "csv"
    XLSX = "xlsx"


TYPES = {
    Format.CSV: "text/csv; charset=utf-8",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# More than this is a statistician's question, which the week in numbers answers.
MOST_ROWS = 10_000
_PAGE = 500
# What a spreadsheet takes for the beginning of a formula, in either width.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
_HEADINGS = (
    Words("案号", "Number"),
    Words("状态", "State"),
    Words("类别", "Categories"),
    Words("严重程度", "Severity"),
    Words("店名", "Shop"),
    Words("区县", "County"),
    Words("收到日期", "Received on"),
    Words("到期日期", "Due on"),
    Words("剩余工作日", "Working days left"),
    Words("举报份数", "Reports"),
    Words("可疑之处", "Suspicions"),
    Words("承办机构", "Unit"),
    Words("经办人", "In hand with"),
)


def rows_of_list(
    session: Session,
    *,
    staff: SignedIn,
    tab: Tab,
    filters: Filters,
    today: date,
    calendar: CalendarOverrides,
) -> Iterator[list[str | int]]:
    """Yield the cells of each case of a list in its order, MOST_ROWS at most."""
    cursor, left = None, MOST_ROWS
    while left > 0:
        page = page_of_cases(
            session, staff=staff, tab=tab, filters=filters, cursor=cursor, today=today,
            calendar=calendar, size=min(_PAGE, left),
        )  # fmt: skip
        yield from (_cells(row) for row in page.rows)
        cursor, left = page.next_cursor, left - len(page.rows)
        # Rows of a page that was written out are not needed again.
        session.expunge_all()
        if cursor is None:
            return


def write_file(rows: Sequence[Sequence[str | int]], *, kind: Format) -> bytes:
    """Return a file with a line of headings and the rows; no text in it is ever a formula."""
    lines = [[say(each) for each in _HEADINGS], *rows]
    return as_csv(lines) if kind is Format.CSV else _as_xlsx(lines)


def note_export(
    session: Session, *, staff: SignedIn, tab: Tab, filters: Filters, kind: Format, count: int
) -> None:
    """Write into the audit log that a list was taken out; words that were asked are not kept."""
    query = filters.as_query()
    asked = bool(query.pop("q", None))
    audit.record(
        session,
        actor=audit.Actor("staff", staff.staff_id),
        action="cases_exported",
        subject=("staff", staff.staff_id),
        after={
            "format": kind.value,
            "rows": count,
            "tab": tab.value,
            "filters": query,
            "words": asked,
        },
    )


def _cells(row: Row) -> list[str | int]:
    case, clock = row.case, row.clock
    return [
        case.number,
        state_name(case.state),
        "、".join(category_name(code) for code in case.categories),
        case.severity,
        case.premises_name,
        county_full(case.county_code),
        local_date(case.received_at).isoformat(),
        clock.due_on.isoformat() if clock else "",
        clock.left if clock else "",
        row.report_count,
        "、".join(say(flag(code).words) for code in case.flags),
        row.unit.name,
        row.assignee or "",
    ]


def as_csv(lines: Sequence[Sequence[str | int]]) -> bytes:
    """Return lines as CSV in UTF-8 with its mark; no text in it is ever a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([_harmless(cell) for cell in line] for line in lines)
    # Spreadsheets read UTF-8 as such only after this mark.
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str | int) -> str | int:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _as_xlsx(lines: Sequence[Sequence[str | int]]) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for number, line in enumerate(lines):
            for column, cell in enumerate(line):
                if isinstance(cell, str):
                    # Written as a text it can't be a formula or a link.
                    sheet.write_string(number, column, cell)
                else:
                    sheet.write_number(number, column, cell)
        sheet.autofilter(0, 0, max(len(lines) - 1, 0), len(_HEADINGS) - 1)
    return out.getvalue()
