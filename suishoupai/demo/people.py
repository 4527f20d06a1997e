"""Who takes part in the demo: 1,635 riders (Shenyang, December 2024) and staff of ten places.

Everybody is invented. Names are drawn from a seed, so that each run makes the same.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from intake.riders.imports import RiderRow
from schemas.access import Role
from schemas.taxonomy import Department

SEED = 20241219
RIDERS = 1635

_SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
_GIVEN = (
    "伟强军磊洋勇杰涛明超刚平辉鹏飞宇浩凯健俊帆波斌旭阳宁龙海山林峰东江"
    "芳娜敏静丽艳霞燕玲桂英华慧红梅琴云洁雪"
)
_STATIONS = ("沈河", "和平", "大东", "皇姑", "铁西", "浑南", "于洪")


@dataclass(frozen=True)
class StaffPlan:
    """One demo sign-in: a role at the unit of a department for a division."""

    sign_in: str
    name: str
    role: Role
    code: str
    department: Department = Department.MARKET


# Pinyin of the place → its code; the demo's tips come from these counties.
COUNTIES = {
    "shenhe": "210103",
    "heping": "210102",
    "dadong": "210104",
    "huanggu": "210105",
    "tiexi": "210106",
    "hunnan": "210112",
    "yuhong": "210114",
    "jinchengjiang": "451202",
    "yizhou": "451203",
    "xinglongtai": "211103",
    "jiaojiang": "331002",
    "futian": "440304",
    "beilin": "610103",
    "pudong": "310115",
    "xihu": "330106",
    "haiyan": "330424",
}
CITIES = {"shenyang": "210100", "hechi": "451200", "panjin": "211100"}
# Where hazards of other departments find a unit; elsewhere they go to dispatch.
OTHER_UNITS = tuple(
    (department, code)
    for department in (Department.URBAN, Department.FIRE)
    for code in ("210100", "210103", "210112", "451200", "451202", "451203")
)


def rider_rows() -> Iterator[RiderRow]:
    """Yield the demo's riders as lines of a platform's list; the first is the banner's."""
    draw = random.Random(SEED)  # noqa: S311 - invented names need no secrecy
    for number in range(RIDERS):
        given = "".join(draw.sample(_GIVEN, draw.choice((1, 2, 2))))
        cells = {
            "name": "演示骑手" if number == 0 else draw.choice(_SURNAMES) + given,
            "phone": rider_phone(number),
            "platform": "饿了么",
            "station": f"沈阳{_STATIONS[number % len(_STATIONS)]}站",
            "employee_number": f"DEMO{number:05d}",
        }
        yield RiderRow(number + 2, cells)


def rider_phone(number: int) -> str:
    """Return the invented phone of a demo rider."""
    return f"1990000{number:04d}"


def staff_plans() -> Iterator[StaffPlan]:
    """Yield every demo sign-in."""
    draw = random.Random(SEED + 1)  # noqa: S311 - invented names need no secrecy

    def plan(
        sign_in: str, role: Role, code: str, department: Department = Department.MARKET
    ) -> StaffPlan:
        name = draw.choice(_SURNAMES) + "".join(draw.sample(_GIVEN, 2))
        return StaffPlan(sign_in, f"{name}（演示）", role, code, department)

    # A role at a city reaches down to its counties, so that these can work all cases there.
    for place, code in {**CITIES, "shenhe": "210103", "hunnan": "210112"}.items():
        yield plan(f"{place}-1", Role.INSPECTOR, code)
        yield plan(f"{place}-2", Role.INSPECTOR, code)
        yield plan(f"{place}-head", Role.BUREAU_HEAD, code)
        yield plan(f"{place}-dispatch", Role.DISPATCHER, code)
    for place in ("jiaojiang", "futian", "beilin", "pudong", "xihu", "haiyan"):
        yield plan(f"{place}-1", Role.INSPECTOR, COUNTIES[place])
    yield plan("shenyang-stats", Role.STATISTICIAN, CITIES["shenyang"])
    yield plan("hechi-urban-1", Role.INSPECTOR, CITIES["hechi"], Department.URBAN)
    yield plan("hechi-fire-1", Role.INSPECTOR, CITIES["hechi"], Department.FIRE)
    yield plan("nation-dispatch", Role.DISPATCHER, "000000")
    yield plan("shenyang-rewards", Role.REWARD_OFFICER, CITIES["shenyang"])


def bureau_of(place: str) -> str:
    """Return whose staff work the cases of a place: its own bureau's, or the city's above it."""
    if place in ("shenhe", "hunnan"):
        return place
    return city_of(place) or place


def city_of(place: str) -> str | None:
    """Return the demo's city that a place belongs to, if any."""
    return next((city for city, code in CITIES.items() if COUNTIES[place][:4] == code[:4]), None)
