"""Which territory a bulletin covers, and by which rows its tables are cut."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.divisions import NATION_CODE, divisions
from schemas.errors import InvalidInput
from schemas.tables import Unit
from schemas.words import Words


class Table(StrEnum):
    """By what a table of the bulletin is cut."""

    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    STATION = "station"
    CATEGORY = "category"
    PLATFORM = "platform"
    SEVERITY = "severity"


TABLE_NAMES: dict[Table, Words] = {
    Table.PROVINCE: Words("按省", "By province"),
    Table.CITY: Words("按市", "By city"),
    Table.COUNTY: Words("按区县", "By county"),
    Table.STATION: Words("按市场监管所", "By station"),
    Table.CATEGORY: Words("按主要隐患类别", "By main hazard category"),
    Table.PLATFORM: Words("按外卖平台", "By delivery platform"),
    Table.SEVERITY: Words("按严重程度", "By severity"),
}
AREAS = (Table.PROVINCE, Table.CITY, Table.COUNTY, Table.STATION)
_AREAS_OF: dict[str, tuple[Table, ...]] = {
    "nation": (Table.PROVINCE,),
    "province": (Table.CITY, Table.COUNTY),
    "city": (Table.COUNTY, Table.STATION),
    "county": (Table.STATION,),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """A territory: its GB/T 2260 code, level, and the units in it with their division codes."""

    code: str
    level: str
    units: Mapping[UUID, str]

    @property
    def prefix(self) -> str:
        """What the codes of all that lies in it begin with."""
        return prefix_of(self.code)

    @property
    def areas(self) -> tuple[Table, ...]:
        """The tables by area that its bulletin has."""
        return _AREAS_OF[self.level]

    @property
    def is_nation(self) -> bool:
        """Whether it is the whole country."""
        return self.code == NATION_CODE

    def row_of(self, table: Table, unit_id: UUID) -> str:
        """Return the row of a unit in a table by area; a desk above has a row of its own."""
        code = self.units[unit_id]
        if table is Table.PROVINCE:
            return f"{code[:2]}0000"
        if table is Table.CITY:
            return f"{code[:4]}00"
        return code[:6] if table is Table.COUNTY else code


def prefix_of(code: str) -> str:
    """Return what the codes of a division and all below it begin with."""
    if code == NATION_CODE:
        return ""
    return code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code


def read_scope(session: Session, code: str) -> Scope:
    """Return the territory of a division code; InvalidInput `scope-unknown` where there is none."""
    division = divisions().get(code)
    if division is None or division.level not in _AREAS_OF:
        raise InvalidInput(
            "scope-unknown",
            Words(
                "没有这个区域，请填 6 位区划代码，如 210100；全国为 000000。",
                "No such area: give a 6-digit division code such as 210100; the country is 000000.",
            ),
            field="scope",
        )
    rows = session.execute(
        select(Unit.id, Unit.division_code).where(Unit.division_code.startswith(prefix_of(code)))
    )
    return Scope(code, str(division.level), {row.id: row.division_code for row in rows})
