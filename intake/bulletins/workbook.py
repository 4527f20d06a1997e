"""A bulletin as a workbook: real numbers and dates, a sheet a table, the definitions on one."""

import io
from collections.abc import Sequence
from datetime import date, datetime

import xlsxwriter
from xlsxwriter.format import Format as Style
from xlsxwriter.worksheet import Worksheet

from intake.bulletins.editions import COHORT, COLUMNS, TOTAL, Edition, Line, lines_of, name_of
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import change
from schemas.bulletins.indicators import GROUP_NAMES, NATURE_NAMES, UNIT_NAMES, Unit
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.divisions import full_name
from schemas.words import Words
from schemas.workdays import SHANGHAI

# By what a stored whole number is divided, and how a spreadsheet writes it.
_SCALES = {
    Unit.BASIS_POINTS: (10_000, "0.0%"),
    Unit.FEN: (100, "#,##0.00"),
    Unit.HUNDREDTHS_OF_DAYS: (100, "0.0"),
}
_PLAIN = (1, "#,##0")
_CHANGE = "+0.0%;-0.0%;0.0%"
_DIFFERENCE = "+0.0;-0.0;0.0"

Cell = str | int | float | date | datetime | None


class _Book:
    """Writes cells of a workbook with their formats, each made once."""

    def __init__(self, book: xlsxwriter.Workbook, locale: str) -> None:
        self._book, self.locale = book, locale
        self._styles: dict[str, Style] = {}
        self.head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
        self.wrapped = book.add_format({"text_wrap": True, "valign": "top"})

    def say(self, words: Words) -> str:
        return words.say(self.locale)

    def style(self, form: str) -> Style:
        if form not in self._styles:
            self._styles[form] = self._book.add_format({"num_format": form})
        return self._styles[form]

    def sheet(self, name: str, heads: Sequence[str], widths: Sequence[int]) -> Worksheet:
        sheet = self._book.add_worksheet(name[:31])
        for column, (head, width) in enumerate(zip(heads, widths, strict=True)):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, head, self.head)
        sheet.freeze_panes(1, 1)
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_footer("&C&P / &N")
        return sheet

    def number(self, sheet: Worksheet, at: tuple[int, int], key: str, value: int | None) -> None:
        """Write a figure as the number it is; nothing where there is none."""
        if value is not None:
            divisor, form = _SCALES.get(INDICATORS[key].unit, _PLAIN)
            sheet.write_number(*at, value / divisor, self.style(form))

    def change(self, sheet: Worksheet, at: tuple[int, int], line: Line, before: int | None) -> None:
        """Write a change: a share for counts, percentage points or days for rates and times."""
        found = change(line.key, line.value, before)
        if found is not None:
            is_count = INDICATORS[line.key].is_count
            form = _CHANGE if is_count else _DIFFERENCE
            sheet.write_number(*at, found / (10_000 if is_count else 100), self.style(form))


def as_xlsx(edition: Edition, *, locale: str) -> bytes:
    """Return a bulletin as a workbook."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as made:
        book = _Book(made, locale)
        lines = list(lines_of(edition.bulletin))
        _totals(book, [line for line in lines if line.table == TOTAL])
        for table in Table:
            rows = [line for line in lines if line.table == table]
            if rows:
                _table(book, book.say(TABLE_NAMES[table]), rows)
        cohorts = [line for line in lines if line.table == COHORT]
        if cohorts:
            _table(book, book.say(Words("按收到周", "By week of receipt")), cohorts)
        _definitions(book)
        _about(book, edition)
    return out.getvalue()


def _totals(book: _Book, lines: Sequence[Line]) -> None:
    heads = (
        Words("指标", "Figure"), Words("性质", "Nature"), Words("单位", "Unit"),
        Words("本周", "This week"), Words("上一周", "Week before"), Words("环比", "Change"),
        Words("上年同周", "Year before"), Words("同比", "Change on the year before"),
    )  # fmt: skip
    sheet = book.sheet(
        book.say(Words("指标", "Figures")),
        [book.say(each) for each in heads],
        (30, 14, 12, 14, 14, 12, 14, 12),
    )
    for row, line in enumerate(lines, start=1):
        indicator = INDICATORS[line.key]
        sheet.write_string(row, 0, book.say(indicator.words))
        sheet.write_string(row, 1, book.say(NATURE_NAMES[indicator.nature]))
        sheet.write_string(row, 2, book.say(UNIT_NAMES[indicator.unit]))
        book.number(sheet, (row, 3), line.key, line.value)
        book.number(sheet, (row, 4), line.key, line.previous)
        book.change(sheet, (row, 5), line, line.previous)
        book.number(sheet, (row, 6), line.key, line.last_year)
        book.change(sheet, (row, 7), line, line.last_year)


def _table(book: _Book, name: str, lines: Sequence[Line]) -> None:
    keys = tuple(dict.fromkeys(line.key for line in lines))
    rows = tuple(dict.fromkeys(line.row for line in lines))
    heads = [Words("代码", "Code"), Words("名称", "Name"), *(INDICATORS[key].words for key in keys)]
    sheet = book.sheet(name, [book.say(each) for each in heads], (14, 24, *(11 for _ in keys)))
    for line in lines:
        row, column = rows.index(line.row) + 1, keys.index(line.key) + 2
        sheet.write_string(row, 0, line.row)
        sheet.write_string(row, 1, book.say(name_of(line)))
        book.number(sheet, (row, column), line.key, line.value)
    sheet.autofilter(0, 0, len(rows), len(keys) + 1)


def _definitions(book: _Book) -> None:
    heads = (
        Words("指标", "Figure"), Words("代码", "Key"), Words("组", "Group"),
        Words("性质", "Nature"), Words("怎么算", "What is counted"),
    )  # fmt: skip
    sheet = book.sheet(
        book.say(Words("指标说明", "Definitions")),
        [book.say(each) for each in heads],
        (28, 22, 22, 14, 90),
    )
    for row, (key, each) in enumerate(INDICATORS.items(), start=1):
        cells = (
            each.words, Words(key, key), GROUP_NAMES[each.group], NATURE_NAMES[each.nature],
            each.definition,
        )  # fmt: skip
        for column, words in enumerate(cells):
            sheet.write_string(row, column, book.say(words), book.wrapped)
    for row, (name, words) in enumerate(COLUMNS.items(), start=len(INDICATORS) + 2):
        sheet.write_string(row, 0, book.say(Words("CSV 列", "CSV column")))
        sheet.write_string(row, 1, name)
        sheet.write_string(row, 4, book.say(words), book.wrapped)


def _about(book: _Book, edition: Edition) -> None:
    found, issue = edition.bulletin, edition.issue
    facts: list[tuple[Words, Cell]] = [
        (Words("区域", "Area"), full_name(found.scope)),
        (Words("区域代码", "Area code"), found.scope),
        (Words("周", "Week"), found.week.name),
        (Words("星期一", "Monday"), found.week.monday),
        (Words("星期日", "Sunday"), found.week.sunday),
        (Words("时点（北京时间）", "As of (Beijing time)"), found.as_of),
        (Words("按何时已知的事实", "Facts known at"), found.known_at),
        (Words("统计方法", "Method"), found.method),
    ]
    if issue:
        facts += [
            (Words("编号", "Number"), issue.number),
            (Words("版", "Revision"), issue.revision),
            (Words("签发人", "Signed by"), issue.signer_name),
            (Words("签发时间", "Published at"), issue.published_at),
            (Words("哈希（SHA-256）", "Hash (SHA-256)"), issue.sha256),
        ]
    else:
        facts.append((Words("状态", "State"), book.say(Words("草稿，未签发", "A draft"))))
    name = book.say(Words("签发", "Issue"))
    sheet = book.sheet(name, [name, found.week.name], (26, 70))
    for row, (words, value) in enumerate(facts, start=1):
        sheet.write_string(row, 0, book.say(words))
        if isinstance(value, datetime):
            local = value.astimezone(SHANGHAI).replace(tzinfo=None)
            sheet.write_datetime(row, 1, local, book.style("yyyy-mm-dd hh:mm"))
        elif isinstance(value, date):
            sheet.write_datetime(row, 1, value, book.style("yyyy-mm-dd"))
        elif isinstance(value, int):
            sheet.write_number(row, 1, value)
        else:
            # Written as a text it can't be a formula or a link.
            sheet.write_string(row, 1, str(value))
