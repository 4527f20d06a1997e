"""Platforms' lists of riders as files: CSV in UTF-8 or GB18030, headers in Chinese or English."""

import csv
import io
from collections.abc import Iterator

from intake.riders.imports import RiderRow
from intake.riders.registering import SURPLUS
from schemas.errors import InvalidInput
from schemas.words import Words

HEADERS: dict[str, str] = {
    "姓名": "name",
    "手机号": "phone",
    "手机": "phone",
    "电话": "phone",
    "平台": "platform",
    "站点": "station",
    "工号": "employee_number",
    "name": "name",
    "phone": "phone",
    "platform": "platform",
    "station": "station",
    "employee_number": "employee_number",
}
NEEDED = {"name": "姓名", "phone": "手机号"}


def read_rider_list(data: bytes) -> Iterator[RiderRow]:
    """Give the rows of a list with their line numbers; empty lines are passed over.

    Columns that are not known here are passed over, too. A row with more cells than the
    header has a cell named SURPLUS, for which the import refuses it. Raises InvalidInput
    `riders-file-unreadable`, `riders-column-missing`, `riders-column-twice`.
    """
    reader = csv.reader(io.StringIO(_decoded(data), newline=""), strict=True)
    try:
        columns = _columns(next(reader, []))
        line = reader.line_num
        for cells in reader:
            # A quoted cell may hold line ends: a row is named by the line it begins on.
            begins, line = line + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield RiderRow(begins, _named(cells, columns))
    except csv.Error as error:
        raise _unreadable() from error


def _named(cells: list[str], columns: list[str | None]) -> dict[str, str]:
    named = {name: cell for name, cell in zip(columns, cells, strict=False) if name}
    if len(cells) > len(columns):
        named[SURPLUS] = ""
    return named


def _columns(header: list[str]) -> list[str | None]:
    columns = [HEADERS.get("_".join(cell.lower().split())) for cell in header]
    known = [name for name in columns if name]
    for name, zh in NEEDED.items():
        if name not in known:
            if not any(cell.strip() for cell in header):
                raise _unreadable()
            raise InvalidInput(
                "riders-column-missing",
                Words(
                    f"名单缺少“{zh}”一列。第一行应为：姓名,手机号,平台,站点,工号。",
                    f"The list has no column “{name}”. Its first line should be: "
                    "name,phone,platform,station,employee_number.",
                ),
                field=name,
            )
    twice = {name for name in known if known.count(name) > 1}
    if twice:
        raise InvalidInput(
            "riders-column-twice",
            Words("名单里有两列含义相同。", "Two columns of the list mean the same."),
            field=min(twice),
        )
    return columns


def _decoded(data: bytes) -> str:
    # GB18030 reads nearly anything, so what is good UTF-8 is taken for UTF-8.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _unreadable()


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "riders-file-unreadable",
        Words(
            "这个文件读不懂：请另存为 CSV（UTF-8 或 GB18030 编码）。",
            "This file can't be read: save it as CSV in UTF-8 or GB18030.",
        ),
    )
