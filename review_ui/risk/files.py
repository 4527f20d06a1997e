"""The map of risk as tables for files: what the page shows, safe to open in a spreadsheet."""

from collections.abc import Sequence
from enum import StrEnum

from review_ui.lists.exporting import as_csv
from review_ui.presenting import category_name, county_full, say
from review_ui.risk.cells import Cell
from review_ui.risk.hours import Hours
from review_ui.risk.shops import Shop
from schemas.words import Words

Line = list[str | int]


class Table(StrEnum):
    """What is taken out."""

    CELLS = "cells"
    HOURS = "hours"
    SHOPS = "shops"


WEEKDAYS = tuple(
    Words(f"星期{zh}", en)
    for zh, en in zip(
        "一二三四五六日",
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
        strict=True,
    )
)
_CELLS = (
    Words("区县", "County"),
    Words("纬度", "Latitude"),
    Words("经度", "Longitude"),
    Words("举报线索", "Incidents reported"),
    Words("查实线索", "Incidents verified"),
    Words("预期查实", "Expected"),
    Words("偶然概率", "Probability by chance"),
    Words("高发", "Hot"),
)
_SHOPS = (
    Words("店名", "Shop"),
    Words("统一社会信用代码", "Credit code"),
    Words("区县", "County"),
    Words("查实线索", "Incidents verified"),
    Words("最近查实", "Last verified on"),
    Words("类别", "Categories"),
    Words("案号", "Case numbers"),
)


def cells_file(cells: Sequence[Cell]) -> bytes:
    """Return the squares as CSV."""
    yes, no = say(Words("是", "yes")), say(Words("否", "no"))
    lines: list[Line] = [
        [
            county_full(each.county),
            f"{each.latitude:.3f}",
            f"{each.longitude:.3f}",
            each.tips,
            each.verified,
            f"{each.expected:.1f}",
            f"{each.probability:.2g}",
            yes if each.is_hot else no,
        ]
        for each in cells
    ]
    return as_csv([[say(each) for each in _CELLS], *lines])


def shops_file(shops: Sequence[Shop]) -> bytes:
    """Return the shops as CSV."""
    lines: list[Line] = [
        [
            each.name,
            each.credit_code,
            county_full(each.county),
            each.cases,
            each.last_on.isoformat(),
            "、".join(category_name(code) for code in each.categories),
            " ".join(each.numbers),
        ]
        for each in shops
    ]
    return as_csv([[say(each) for each in _SHOPS], *lines])


def hours_file(hours: Hours) -> bytes:
    """Return the hours as CSV: one weekday a line."""
    head = [say(Words("星期", "Weekday")), *(f"{hour:02}" for hour in range(24))]
    lines = [
        [say(words), *(step_words(each, hours.width) for each in line)]
        for words, line in zip(WEEKDAYS, hours.steps, strict=True)
    ]
    return as_csv([head, *lines])


def step_words(step: int | None, width: int) -> str:
    """Return a step as it is shown: «5–9», or «<5» for what is below all."""
    if step is None:
        return f"<{width}"
    return f"{step}–{step + width - 1}" if width > 1 else str(step)
