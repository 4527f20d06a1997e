"""How a figure, its change and a row are written: «—» where there is nothing to reckon from."""

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import change
from schemas.bulletins.indicators import Unit
from schemas.bulletins.platforms import PLATFORM_NAMES
from schemas.bulletins.territory import AREAS, Table
from schemas.divisions import divisions
from schemas.taxonomy import CATEGORIES
from schemas.words import Words

NOTHING = "—"
# What the tables by area and by kind show, in this order; the files hold all of it.
COLUMNS = (
    "received", "verified", "verification_rate", "rectifications", "penalised", "fines_fen",
    "closed", "open", "overdue",
)  # fmt: skip
_STREET_DIGITS = 12
_CATEGORY_WORDS = {each.code: each.words for each in CATEGORIES}


def figure(key: str, value: int | None) -> str:
    """Return a figure in its unit: a rate in percent, money in yuan, a time in days."""
    if value is None:
        return NOTHING
    unit = INDICATORS[key].unit
    if unit is Unit.BASIS_POINTS:
        return f"{value / 100:.1f}%"
    if unit is Unit.FEN:
        return f"¥{value / 100:,.2f}"
    if unit is Unit.HUNDREDTHS_OF_DAYS:
        return f"{value / 100:.1f}"
    return f"{value:,}"


def changed(key: str, now: int | None, before: int | None) -> str:
    """Return a change: of a count in percent, of a rate in percentage points, of a time in days."""
    found = change(key, now, before)
    if found is None:
        return NOTHING
    unit = INDICATORS[key].unit
    sign = "+" if found > 0 else "−" if found < 0 else "±"
    ending = {Unit.BASIS_POINTS: " pp", Unit.HUNDREDTHS_OF_DAYS: ""}.get(unit, "%")
    return f"{sign}{abs(found) / 100:.1f}{ending}"


def row_words(table: str, row: str) -> Words:
    """Return the name of a table's row; a code of another edition stands for itself."""
    if Table(table) in AREAS:
        found = divisions().get(row) or divisions().get(row.ljust(_STREET_DIGITS, "0"))
        name = found.name if found else row
        if table == Table.STATION and len(row) == len("210103"):
            return Words(f"{name}（本级）", f"{name} (own desk)")
        return Words(name, name)
    if table == Table.SEVERITY:
        return Words(f"{row} 级", f"Level {row}")
    names = _CATEGORY_WORDS if table == Table.CATEGORY else PLATFORM_NAMES
    return names.get(row, Words(row, row))
