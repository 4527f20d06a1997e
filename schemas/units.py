"""The tree of units: who handles what where, and what lies below whom."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, false, func, insert, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from schemas.database import new_id
from schemas.divisions import Division, common_ancestor, divisions, full_name
from schemas.errors import InvalidInput
from schemas.tables.jurisdictions import Unit
from schemas.taxonomy import Department
from schemas.words import Words

NATION = "000000"
# Taiwan, Hong Kong and Macao: the mainland's food law and its bureaus do not reach there.
_OWN_LAW = ("71", "81", "82")
_BUREAU = {
    Department.MARKET: "市场监督管理局",
    Department.URBAN: "城市管理综合行政执法局",
    Department.FIRE: "消防救援机构",
    Department.HEALTH: "卫生健康局",
    Department.HOUSING: "住房和城乡建设局",
    Department.ECOLOGY: "生态环境局",
}


def seed_market_units(session: Session) -> int:
    """Make a market-regulation bureau for the nation and each province, city and county.

    Does nothing when there are units already; returns how many were made. Names are
    the regular ones («…区市场监督管理局»); the operator renames where a place has its own.
    """
    if session.scalar(select(func.count()).select_from(Unit)):
        return 0
    root = new_id()
    rows = [_row(root, None, "/", Department.MARKET, NATION, "nation", "全国受理中心")]
    made: dict[str, tuple[UUID, str]] = {NATION: (root, str(rows[0]["path"]))}
    # Codes sort parents before children: 210000 < 210100 < 210103.
    for division in sorted(divisions().values(), key=lambda d: d.code):
        if division.level in ("nation", "street") or division.code[:2] in _OWN_LAW:
            continue
        if division.parent_code not in made:  # 440499, a campus that Macao's law reaches
            continue
        parent_id, parent_path = made[division.parent_code or NATION]
        key = new_id()
        row = _row(
            key,
            parent_id,
            parent_path,
            Department.MARKET,
            division.code,
            str(division.level),
            _name(division, Department.MARKET),
        )
        made[division.code] = (key, str(row["path"]))
        rows.append(row)
    session.execute(insert(Unit), rows)
    return len(rows)


def add_unit(
    session: Session, *, department: Department, division: Division, name: str | None = None
) -> Unit:
    """Add a department's unit for a division below the nearest unit of that department.

    A county's unit hangs under its city's where one exists, else under the
    province's, else stands alone. Raises InvalidInput when it exists already.
    """
    if find_unit(session, department=department, code=division.code):
        raise InvalidInput(
            "unit-exists",
            Words(
                f"{full_name(division.code)}已有该部门的承办机构。",
                f"{division.code} already has a unit of this department.",
            ),
            field="division_code",
        )
    parent = nearest_unit(session, department=department, code=division.parent_code or NATION)
    row = _row(
        new_id(),
        parent.id if parent else None,
        parent.path if parent else "/",
        department,
        division.code,
        str(division.level),
        name or _name(division, department),
    )
    unit = Unit(**row)
    session.add(unit)
    session.flush()
    return unit


def find_unit(session: Session, *, department: str, code: str) -> Unit | None:
    """Return the unit of a department that stands for exactly this division."""
    return session.scalars(
        select(Unit).where(Unit.department == department, Unit.division_code == code)
    ).one_or_none()


def nearest_unit(session: Session, *, department: str, code: str) -> Unit | None:
    """Return the department's unit for the division or its nearest ancestor."""
    known = divisions()
    while True:
        found = find_unit(session, department=department, code=code)
        if found or code == NATION:
            return found
        code = (known[code].parent_code if code in known else None) or NATION


def dispatch_desk(session: Session, codes: Iterable[str]) -> Unit:
    """Return the desk that decides between candidate counties: their common ancestor's.

    Reception is market regulation's, also for the hazards of other departments,
    which a dispatcher there transfers (Food Safety Law art. 115).
    """
    area = common_ancestor(tuple(codes)) if codes else NATION
    desk = nearest_unit(session, department=Department.MARKET, code=area)
    if desk is None:
        raise LookupError("no market-regulation unit: run `suishoupai migrate` first")
    return desk


def below(
    column: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None], paths: Iterable[str]
) -> ColumnElement[bool]:
    """Return the condition that `column` (a unit id) lies in one of the trees named by path."""
    inside = or_(false(), *(Unit.path.startswith(path, autoescape=True) for path in paths))
    return column.in_(select(Unit.id).where(inside))


def _name(division: Division, department: Department) -> str:
    place = full_name(division.code)
    # A county bureau is known by city and county: 沈阳市沈河区市场监督管理局.
    if division.level == "county" and division.parent_code and division.parent_code[2:] != "0000":
        place = place.removeprefix(full_name(division.parent_code[:2] + "0000"))
    return f"{place}{_BUREAU[department]}"


def _row(
    key: UUID,
    parent_id: UUID | None,
    parent_path: str,
    department: Department,
    code: str,
    level: str,
    name: str,
) -> dict[str, object]:
    return {
        "id": key,
        "parent_id": parent_id,
        "path": f"{parent_path}{key.hex}/",
        "department": department.value,
        "division_code": code,
        "level": level,
        "name": name,
    }
