"""Which areas a list can be narrowed to: one rung at a time, so that no choice is too long."""

from functools import cache

from review_ui.access.scope import tops
from review_ui.access.staff import SignedIn
from schemas.access import RIGHTS, Right
from schemas.divisions import NATION_CODE, Level, divisions


def areas(*, staff: SignedIn, chosen: str | None) -> list[str]:
    """Return the division codes to choose from: below the person's own, and around the chosen.

    A province's person chooses a city first and then finds its counties beside it.
    """
    known = divisions()
    within = set(tops(staff))
    own = {
        held.division_code[:6]
        for held in staff.held
        if held.role in RIGHTS[Right.SEE_CASES] and held.unit_path in within
    }
    found = {code for top in own for code in _below(top)}
    while chosen and chosen != NATION_CODE and chosen in known:
        found |= {chosen, *_below(chosen)}
        chosen = known[chosen].parent_code
        if chosen in own:
            break
    return sorted(found)


def _below(code: str) -> tuple[str, ...]:
    return _children().get(code, ())


@cache
def _children() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for each in divisions().values():
        if each.level is not Level.STREET:
            found[each.parent_code] = (*found.get(each.parent_code, ()), each.code)
    return found
