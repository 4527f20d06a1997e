"""How a figure and its change are written: «—» where there is nothing to reckon from."""

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import change
from schemas.bulletins.indicators import Unit

NOTHING = "—"


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
