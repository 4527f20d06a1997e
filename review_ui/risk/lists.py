"""From what shops are drawn: verified shops, hot squares, or a list that somebody brings.

A list is CSV or plain text, one shop a line: name, then credit code and address where there
are headings for them. From a licence register that is the whole trade, which is fairer to
visit at random than those that were reported.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from review_ui.risk.cells import Cell
from review_ui.risk.shops import Shop
from schemas.draws.algorithm import MOST_TICKETS, Item
from schemas.errors import InvalidInput
from schemas.shop_names import plain_name, shop_key
from schemas.words import Words


class Source(StrEnum):
    """Where the list of a draw comes from."""

    LIST = "list"
    SHOPS = "shops"
    CELLS = "cells"


SOURCE_NAMES: dict[Source, Words] = {
    Source.LIST: Words(
        "自带名单（如许可证名录）", "A list of your own, such as the licence register"
    ),
    Source.SHOPS: Words("本辖区查实过的店铺", "Shops of your area that were verified"),
    Source.CELLS: Words("本辖区的高发方格", "Hot squares of your area"),
}
_HEADINGS = {
    "name": ("店名", "名称", "经营者名称", "单位名称", "主体名称", "name", "shop"),
    "code": ("统一社会信用代码", "信用代码", "社会信用代码", "credit_code", "code"),
    "address": ("地址", "经营场所", "住所", "address"),
    "weight": ("权重", "weight"),
}
_CREDIT_CODE = re.compile(r"[0-9A-Z]{18}")
_LONGEST_NAME, _LONGEST_ADDRESS = 200, 300

Weighted = list[tuple[Item, int]]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where each field stands in a line; None where there is none."""

    name: int
    code: int | None = None
    address: int | None = None
    weight: int | None = None


def of_text(text: str, *, county_code: str, weighted: bool) -> Weighted:
    """Return the shops of a CSV or plain text; raises InvalidInput `draw-list-unreadable`.

    Weights (1 to 99) count only where they are asked for.
    """
    lines = text.removeprefix("\ufeff").replace("\0", "").splitlines()
    rows = [
        row for row in csv.reader(lines, delimiter=_delimiter(lines)) if any(map(str.strip, row))
    ]
    columns = _columns(rows[0]) if rows else None
    if columns:
        rows = rows[1:]
    found: Weighted = []
    for number, row in enumerate(rows, 2 if columns else 1):
        item = _item(row, columns or _Columns(0), county_code)
        if item is None:
            raise _unreadable(number)
        found.append((item, _weight(row, columns, number) if weighted else 1))
    return found


def of_shops(shops: Iterable[Shop], *, weighted: bool) -> Weighted:
    """Return verified shops; by weight, one ticket for each case."""
    return [
        (Item(each.key, each.name or each.credit_code), each.cases if weighted else 1)
        for each in shops
    ]


def of_cells(cells: Iterable[Cell], *, weighted: bool) -> Weighted:
    """Return the hot squares; by weight, one ticket for each verified incident."""
    return [
        (
            Item(f"cell:{each.county}:{each.number}", f"{each.latitude:.3f}, {each.longitude:.3f}"),
            each.verified if weighted else 1,
        )
        for each in cells
        if each.is_hot
    ]


def _delimiter(lines: Sequence[str]) -> str:
    return "\t" if any("\t" in line for line in lines[:5]) else ","


def _columns(row: Sequence[str]) -> _Columns | None:
    heads = [cell.strip().casefold() for cell in row]
    places = {
        field: next((heads.index(name) for name in names if name in heads), None)
        for field, names in _HEADINGS.items()
    }
    if places["name"] is None:
        return None
    return _Columns(places["name"], places["code"], places["address"], places["weight"])


def _item(row: Sequence[str], columns: _Columns, county_code: str) -> Item | None:
    name = _cell(row, columns.name)
    address = _cell(row, columns.address)[:_LONGEST_ADDRESS]
    code = _cell(row, columns.code).upper()
    if not plain_name(name) or len(name) > _LONGEST_NAME:
        return None
    if not _CREDIT_CODE.fullmatch(code):
        code = ""
    key = shop_key(record={"shop_credit_code": code}, name=name, county_code=county_code)
    # Shops of a chain have one name, those of one company one code: the address tells them apart.
    return Item(f"{key}@{plain_name(address)}" if address else key, name, address)


def _cell(row: Sequence[str], place: int | None) -> str:
    return " ".join(row[place].split()) if place is not None and place < len(row) else ""


def _weight(row: Sequence[str], columns: _Columns | None, number: int) -> int:
    text = _cell(row, columns.weight) if columns else ""
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= MOST_TICKETS):
        raise _unreadable(number)
    return int(text)


def _unreadable(line: int) -> InvalidInput:
    return InvalidInput(
        "draw-list-unreadable",
        Words(
            f"名单第 {line} 行读不懂：每行一家，先写店名；权重填 1 到 {MOST_TICKETS}。",
            f"Line {line} of the list can't be read: one shop a line, its name first; weights are "
            f"1 to {MOST_TICKETS}.",
        ),
        field="items",
        line=line,
    )
