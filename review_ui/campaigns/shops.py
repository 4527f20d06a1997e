"""The shops of a campaign as somebody types them, pastes them or sends them as CSV.

One a line: name, address, latitude, longitude; parted by commas or tabs. The address and
the place may be left out; a place without a name stands for its surroundings. A fifth field
«方格» (square) says that the whole square of the map of risk is meant, whose middle it is.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.doorway import not_found
from review_ui.access.staff import SignedIn
from review_ui.risk.facts import middle_of
from schemas.access import Right
from schemas.campaigns import MOST_SHOPS
from schemas.divisions import divisions
from schemas.draws.algorithm import Item
from schemas.draws.keeping import find_draw
from schemas.errors import InvalidInput
from schemas.places import Datum, Point, to_wgs84
from schemas.tables import Unit
from schemas.units import below
from schemas.words import Words

Row = tuple[str, str] | tuple[str, str, float, float, str]
SQUARE = "方格"
_SQUARES = frozenset({SQUARE, "square"})
_SQUARE = re.compile(r"([0-9]{6})\.([0-9]{10})")
_HEADS = frozenset({"店名", "名称", "name", "shop"})


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop to visit, or a square of the map of risk; `place` is WGS-84."""

    name: str
    address: str = ""
    place: Point | None = None
    is_square: bool = False


def read_shops(text: str, *, datum: Datum = Datum.WGS84) -> list[Shop]:
    """Return the shops of a text, each once.

    Raises InvalidInput `shops-missing`, `shops-too-many`, `shop-line-invalid` naming the
    line, or `coordinates-out-of-range`.
    """
    found = list(dict.fromkeys(_lines(text, datum)))
    if not found:
        raise InvalidInput(
            "shops-missing",
            Words("请写明要走访的店，一行一家。", "Say which shops to visit, one a line."),
            field="shops",
        )
    if len(found) > MOST_SHOPS:
        raise InvalidInput(
            "shops-too-many",
            Words(
                f"一次活动最多 {MOST_SHOPS} 家，请分成几次。",
                f"A campaign has {MOST_SHOPS} shops at most: make several.",
            ),
            field="shops",
        )
    return found


def shops_of_draw(session: Session, *, draw_id: UUID, staff: SignedIn) -> tuple[str, str]:
    """Return the name of a draw of the person's trees, and its shops as `read_shops` reads them.

    Raises NotFound, Conflict `draw-not-drawn`.
    """
    drawn = find_draw(session, draw_id)
    is_theirs = select(Unit.id).where(
        Unit.id == drawn.unit_id, below(Unit.id, staff.paths(Right.RUN_CAMPAIGNS))
    )
    if session.scalar(is_theirs) is None:
        raise not_found()
    return drawn.title, _written(_drawn(item) for item in drawn.items)


def shops_of_squares(codes: Iterable[str]) -> str:
    """Return squares of the map of risk, such as `210103.1317930345`, as `read_shops` reads them.

    What is no square of a county is left out.
    """
    found = (_square(*match.groups()) for code in codes if (match := _SQUARE.fullmatch(code)))
    return _written(row for row in found if row)


def _drawn(item: Item) -> Row:
    kind, _, square = item.key.partition(":")
    match = _SQUARE.fullmatch(square.replace(":", ".")) if kind == "cell" else None
    return (match and _square(*match.groups())) or (item.name, item.address)


def _square(code: str, number: str) -> Row | None:
    """Return the middle of a square, named so that a rider finds it; None for an impossible one."""
    found, (latitude, longitude) = divisions().get(code), middle_of(int(number))
    if found is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return f"{found.name} {latitude:.3f}, {longitude:.3f} 一带", "", latitude, longitude, SQUARE


def _written(rows: Iterable[Row]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _lines(text: str, datum: Datum) -> Iterator[Shop]:
    plain = text.replace("\0", "").replace("，", ",").lstrip("\ufeff")
    delimiter = "\t" if "\t" in plain else ","
    for number, cells in enumerate(csv.reader(io.StringIO(plain), delimiter=delimiter), start=1):
        fields = [" ".join(cell.split()) for cell in cells]
        if not any(fields) or (number == 1 and fields[0].lower() in _HEADS):
            continue
        yield _shop(number, fields, datum)


def _shop(number: int, fields: list[str], datum: Datum) -> Shop:
    name, address, latitude, longitude, kind, *more = [*fields, "", "", "", ""]
    if any(more) or bool(latitude) != bool(longitude) or not (name or latitude):
        raise _invalid(number)
    is_square = kind.lower() in _SQUARES
    if kind and not (is_square and latitude):
        raise _invalid(number)
    if len(name) > 200 or len(address) > 300:
        raise _invalid(number)
    if not latitude:
        return Shop(name, address)
    # Our own map wrote a square's place, whatever the datum of the shops beside it.
    datum = Datum.WGS84 if is_square else datum
    try:
        place = to_wgs84(float(latitude), float(longitude), datum)
        return Shop(name, address, place, is_square)
    except ValueError:
        raise _invalid(number) from None


def _invalid(number: int) -> InvalidInput:
    return InvalidInput(
        "shop-line-invalid",
        Words(
            f"第 {number} 行看不懂：写“店名, 地址, 纬度, 经度”，地址和经纬度可以不写。",
            f"Line {number} can't be read: write name, address, latitude, longitude; the address "
            "and the place may be left out.",
        ),
        field="shops",
        line=number,
    )
