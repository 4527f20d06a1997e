"""The tree of units covers the country, and what lies below a unit is found by its path."""

import pytest
from sqlalchemy import select

from schemas.database import Database
from schemas.divisions import divisions
from schemas.errors import InvalidInput
from schemas.tables import Unit
from schemas.taxonomy import Department
from schemas.units import (
    add_unit,
    below,
    dispatch_desk,
    find_unit,
    nearest_unit,
    seed_market_units,
)


def test_every_county_has_a_market_bureau_below_its_city(database: Database) -> None:
    with database.reading() as session:
        counties = {
            d.code
            for d in divisions().values()
            if d.level == "county"
            # 440499 is a piece of Zhuhai under Macao's law.
            and {d.code[:2], (d.parent_code or "")[:2]}.isdisjoint({"71", "81", "82"})
        }
        found = set(session.scalars(select(Unit.division_code).where(Unit.level == "county")))
        assert found == counties
        shenhe = find_unit(session, department=Department.MARKET, code="210103")
        assert shenhe is not None
        assert shenhe.name == "沈阳市沈河区市场监督管理局"
        city = session.get_one(Unit, shenhe.parent_id)
        assert (city.division_code, city.name) == ("210100", "辽宁省沈阳市市场监督管理局")


def test_seeding_twice_makes_nothing_twice(database: Database) -> None:
    with database.writing() as session:
        assert seed_market_units(session) == 0


def test_a_units_tree_is_itself_and_what_lies_below(database: Database) -> None:
    with database.reading() as session:
        city = find_unit(session, department=Department.MARKET, code="210100")
        assert city is not None
        codes = set(session.scalars(select(Unit.division_code).where(below(Unit.id, [city.path]))))
    assert "210103" in codes
    assert {code[:4] for code in codes} == {"2101"}


@pytest.mark.parametrize(
    ("codes", "desk"),
    [
        (("210103",), "210103"),
        (("210103", "210102"), "210100"),
        (("210103", "211102"), "210000"),
        (("210103", "110101"), "000000"),
        ((), "000000"),
    ],
)
def test_the_desk_of_candidates_is_their_common_ancestors(
    database: Database, codes: tuple[str, ...], desk: str
) -> None:
    with database.reading() as session:
        assert dispatch_desk(session, codes).division_code == desk


def test_a_department_gets_its_unit_once(database: Database) -> None:
    county = divisions()["451203"]
    with database.writing() as session:
        unit = add_unit(session, department=Department.URBAN, division=county)
        assert unit.name.endswith("城市管理综合行政执法局")
        assert nearest_unit(session, department=Department.URBAN, code="451203") is unit
        assert nearest_unit(session, department=Department.URBAN, code="451200") is None
        with pytest.raises(InvalidInput, match="unit-exists"):
            add_unit(session, department=Department.URBAN, division=county)
