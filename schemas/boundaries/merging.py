"""How polygons that an operator loaded take the place of the package's: loaded ones win."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely

from schemas.boundaries.index import Area
from schemas.divisions import divisions


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Override:
    """An official polygon in WGS-84, as loaded by an operator.

    `code` has 6 digits for a county and 12 for a street. It counts from
    `valid_from` (None: since ever) until the day before `valid_to` (None: until
    further notice). `version` names the source in every route decision.
    """

    code: str
    name: str
    level: Literal["county", "street"]
    geometry: shapely.Geometry
    version: str
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None

    def is_valid_on(self, day: dt.date) -> bool:
        """Whether this polygon counts on a day (Asia/Shanghai)."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_to is None or day < self.valid_to)


def merged(package: Sequence[Area], overrides: Iterable[Override]) -> tuple[list[Area], list[Area]]:
    """Return (county areas, street areas) with these overrides in force.

    A loaded county replaces the package's polygon of its code, a loaded street is
    added to its county, and both are cut out of every other package polygon. So
    at an overlap the loaded one wins; between a loaded border and an older one that
    does not reach it there is a gap that belongs to nobody, and is for dispatch.
    """
    newest = _newest(overrides)
    streets = [_area(each) for each in newest if each.level == "street"]
    claims = {each.code: _area(each) for each in newest if each.level == "county"}
    replaced = frozenset(claims)
    claims.update(_by_county(street for street in streets if street.code[:6] not in replaced))
    if not claims:
        return list(package), streets
    counties = [
        _completed(area, claims[area.code]) if area.code in claims else area
        for area in _cut(package, claims, replaced)
    ]
    present = {area.code for area in counties}
    counties += [claim for code, claim in claims.items() if code not in present]
    return counties, streets


def _completed(area: Area, claim: Area) -> Area:
    """Add loaded streets to a county that was not loaded itself."""
    whole = shapely.union(area.geometry, claim.geometry)
    version = f"{area.version} + {claim.version}"
    return Area(area.code, area.name, version, whole, is_loaded=True)


def _newest(overrides: Iterable[Override]) -> list[Override]:
    """Keep one polygon of each code: the one that came into force last, then the last one given."""
    chosen: dict[str, Override] = {}
    for each in overrides:
        rival = chosen.get(each.code)
        if rival is None or (rival.valid_from or dt.date.min) <= (each.valid_from or dt.date.min):
            chosen[each.code] = each
    return list(chosen.values())


def _area(override: Override) -> Area:
    return Area(override.code, override.name, override.version, override.geometry, is_loaded=True)


def _by_county(streets: Iterable[Area]) -> dict[str, Area]:
    """Join streets to what is known of their counties."""
    members: defaultdict[str, list[Area]] = defaultdict(list)
    for street in streets:
        members[street.code[:6]].append(street)
    known = divisions()
    return {
        code: Area(
            code,
            known[code].name if code in known else code,
            " + ".join(sorted({each.version for each in group})),
            shapely.union_all([each.geometry for each in group]),
            is_loaded=True,
        )
        for code, group in members.items()
    }


def _cut(
    package: Sequence[Area], claims: dict[str, Area], replaced: frozenset[str]
) -> Iterable[Area]:
    """Yield what is left of the package's areas after the loaded ones took their ground.

    An area that no claim touches is yielded as the same object, for its index is kept.
    """
    claimed = list(claims.values())
    tree = shapely.STRtree([claim.geometry for claim in claimed])
    kept = [area for area in package if area.code not in replaced]
    numbers, hits = tree.query(
        np.array([area.geometry for area in kept], dtype=object), predicate="intersects"
    )
    rivals: defaultdict[int, list[Area]] = defaultdict(list)
    for number, hit in zip(numbers.tolist(), hits.tolist(), strict=True):
        if claimed[hit].code != kept[number].code:
            rivals[number].append(claimed[hit])
    for number, area in enumerate(kept):
        if number not in rivals:
            yield area
            continue
        taken = shapely.union_all([rival.geometry for rival in rivals[number]])
        left = shapely.difference(area.geometry, taken)
        if not left.is_empty:
            yield Area(area.code, area.name, area.version, left)
