"""Hazard categories: which department has the power, how severe, on what legal ground.

Source of the articles: 《中华人民共和国食品安全法》 unless a law is named; the
mapping and the severity are policy and shown as such. Rows carry the date they
take effect, so that a later edition is a new row and never an edit.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.errors import InvalidInput
from schemas.words import Words


class Department(StrEnum):
    """Who has the power over a hazard (事权)."""

    MARKET = "market"
    URBAN = "urban"
    FIRE = "fire"
    HEALTH = "health"
    HOUSING = "housing"
    ECOLOGY = "ecology"


DEPARTMENT_NAMES: dict[Department, Words] = {
    Department.MARKET: Words("市场监管", "Market regulation"),
    Department.URBAN: Words("城市管理", "Urban management"),
    Department.FIRE: Words("消防救援", "Fire and rescue"),
    Department.HEALTH: Words("卫生健康", "Health"),
    Department.HOUSING: Words("住建燃气", "Housing and gas"),
    Department.ECOLOGY: Words("生态环境", "Ecology and environment"),
}


@dataclass(frozen=True)
class Category:
    """One hazard category; `legal_basis` names duty → liability, `severity` runs 1 to 5."""

    code: str
    words: Words
    department: Department
    severity: int
    legal_basis: str
    valid_from: date = date(2021, 4, 29)
    valid_to: date | None = None


_M, _U = Department.MARKET, Department.URBAN
_LAW = "《食品安全法》"

# 2021-04-29 is the date of the Food Safety Law's present text; police matters stay with
# market regulation first, which hands them on (RECYCLED).
CATEGORIES: tuple[Category, ...] = (
    Category("DIRTY_KITCHEN", Words("后厨脏乱", "Dirty kitchen"), _M, 2, f"{_LAW}33(1) → 126(13)"),
    Category(
        "PEST", Words("鼠患虫害", "Rats or insects"), _M, 4, f"{_LAW}33(2) → 126(13);34(6) → 124(4)"
    ),
    Category(
        "CROSS_CONTAMINATION",
        Words("生熟不分", "Raw and cooked food together"),
        _M,
        3,
        f"{_LAW}33(4) → 126(13)",
    ),
    Category("EXPIRED", Words("过期食品", "Expired food"), _M, 4, f"{_LAW}34(3),(10) → 124(2),(5)"),
    Category(
        "SPOILED",
        Words("腐败变质或异物", "Spoiled food or foreign matter"),
        _M,
        4,
        f"{_LAW}34(6) → 124(4)",
    ),
    Category(
        "UTENSIL",
        Words("餐具或食品接触面不洁", "Dirty utensils or food surfaces"),
        _M,
        3,
        f"{_LAW}33(5),56 → 126(5)",
    ),
    Category(
        "STAFF_HYGIENE",
        Words("从业人员衣帽、口罩不规范", "Staff without cap, mask or clean clothes"),
        _M,
        2,
        f"{_LAW}33(8) → 126(13)",
    ),
    Category(
        "TOILET_ADJACENT",
        Words("厕厨相连", "Toilet next to the kitchen"),
        _M,
        3,
        f"{_LAW}33(1),(4) → 126(13)",
    ),
    Category("UNLICENSED", Words("无证经营", "No food licence"), _M, 4, f"{_LAW}35 → 122"),
    Category(
        "NO_BUSINESS_LICENCE",
        Words("无照经营", "No business licence"),
        _M,
        3,
        "《无证无照经营查处办法》6 → 13",
    ),
    Category(
        "CERT_NOT_SHOWN",
        Words("未公示许可证", "Licence not on display"),
        _M,
        1,
        "市场监管总局令第 78 号、第 123 号(待核)",
    ),
    Category(
        "GHOST_KITCHEN",
        Words("幽灵外卖、地址不符", "Ghost kitchen or false address"),
        _M,
        4,
        f"{_LAW}35 → 122;平台 62 → 131",
    ),
    Category(
        "RECYCLED",
        Words("回收食品、非食用物质", "Recycled food or inedible matter"),
        _M,
        5,
        f"{_LAW}34(1) → 123(1)",
    ),
    Category(
        "HEALTH_CERT",
        Words("无健康证", "Staff without health certificate"),
        _M,
        2,
        f"{_LAW}45 → 126(6)",
    ),
    Category(
        "COLD_CHAIN",
        Words("冷藏、冷链不合规", "Cold chain broken"),
        _M,
        3,
        f"{_LAW}33(6),56 → 126(5)",
    ),
    Category(
        "FOOD_WASTE",
        Words("餐厨垃圾处置不当", "Kitchen waste badly handled"),
        _M,
        2,
        f"{_LAW}33(2)",
    ),
    Category(
        "SEAL_BROKEN",
        Words("外卖封签缺失或破损", "Delivery seal missing or broken"),
        _M,
        1,
        "地方性规定",
    ),
    Category("STREET_OCCUPATION", Words("占道经营", "Business in the street"), _U, 3, "地方性规定"),
    Category(
        "FIRE_SAFETY",
        Words("消防安全隐患", "Fire hazard"),
        Department.FIRE,
        4,
        "《消防法》(由消防救援机构认定)",
    ),
    Category(
        "GAS_SAFETY",
        Words("燃气安全隐患", "Gas hazard"),
        Department.HOUSING,
        5,
        "《城镇燃气管理条例》(由主管部门认定)",
    ),
    Category(
        "DISH_DISINFECTION",
        Words("餐具集中消毒单位", "Central dish-washing plant"),
        Department.HEALTH,
        3,
        f"{_LAW}126",
    ),
    Category("OTHER", Words("其他", "Something else"), _M, 2, "由分派员判断"),
)

_BY_CODE = {category.code: category for category in CATEGORIES}


def category(code: str) -> Category:
    """Return the category of a code; raises InvalidInput for an unknown one."""
    found = _BY_CODE.get(code)
    if found is None:
        known = "、".join(_BY_CODE)
        raise InvalidInput(
            "category-unknown",
            Words(
                f"没有这个隐患类别。可用的代码:{known}。",
                f"No such hazard category. Known codes: {known.replace('、', ', ')}.",
            ),
            field="category",
        )
    return found


def by_department(codes: Iterable[str]) -> dict[Department, tuple[str, ...]]:
    """Return the codes grouped by the department that has the power, in the given order."""
    groups: dict[Department, tuple[str, ...]] = {}
    for code in codes:
        department = category(code).department
        groups[department] = (*groups.get(department, ()), code)
    return groups


def severity_of(codes: Iterable[str]) -> int:
    """Return the highest severity among the codes."""
    return max(category(code).severity for code in codes)


def liability_articles(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the articles on liability of the categories, as a decision quotes them.

    Read from `legal_basis`, whose right side is the liability: 126(13) is article 126,
    first paragraph, item 13. A category whose basis names no such article gives none.
    """
    found: dict[str, None] = {}
    for code in codes:
        law = _LAW
        for clause in category(code).legal_basis.split(";"):
            named = re.search(r"《[^》]+》", clause)
            law = named[0] if named else law
            _, arrow, liability = clause.partition("→")
            for article in re.finditer(r"(\d+)((?:,?\(\d+\))*)", liability if arrow else ""):
                items = "、".join(f"第{_numeral(int(n))}项" for n in re.findall(r"\d+", article[2]))
                where = f"第一款{items}" if items else ""
                found[f"{law}第{_numeral(int(article[1]))}条{where}"] = None
    return tuple(found)


def _numeral(number: int) -> str:
    """Return a number from 1 to 199 as a law writes it: 126 is 一百二十六."""
    digits = "零一二三四五六七八九"
    hundreds, rest = divmod(number, 100)
    tens, ones = divmod(rest, 10)
    text = f"{digits[hundreds]}百" if hundreds else ""
    if tens:
        text += "十" if tens == 1 and not hundreds else f"{digits[tens]}十"
    elif hundreds and ones:
        text += "零"
    return text + (digits[ones] if ones else "")
