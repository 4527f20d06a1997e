"""Where a report goes: power first (事权), then territory (属地), and never by a guess.

`decide` is pure: facts in, decision out. Whatever speaks against a sure answer is a
reason, and one reason is enough for the dispatch desk of the smallest area that
holds all candidates. The claims, distances and the boundary's version are stored
with the decision, so that it can be checked years later.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from schemas.boundaries.locating import NEARBY_M, BoundarySet, Candidate, Location
from schemas.divisions import full_name
from schemas.flags import ROUTE_REASONS
from schemas.places import distance_m
from schemas.taxonomy import Department
from schemas.units import find_unit
from workers.claims import ChosenPlace, Disagreement, PlaceClaim, choose_place, disagreements

# The words of every reason; they live downstairs because the review room shows them.
REASONS = ROUTE_REASONS

# Taiwan, Hong Kong and Macao: other law, other authorities.
_OTHER_LAW = ("71", "81", "82")
# How far the nearest county is looked for where none is near.
FARTHEST_M = 100_000


@dataclass(frozen=True, kw_only=True)
class RoutePolicy:
    """The margins, under a name that is stored beside every decision; all in metres.

    A border must be farther away than `border_m` and than the place's accuracy. A
    place less accurate than `coarsest_m` names no territory.
    """

    version: str = "route-2026-11"
    border_m: float = 150.0
    coarsest_m: float = 20_000.0

    def margin_m(self, accuracy_m: float | None) -> float:
        """Return how far a border must be from a place of this accuracy."""
        return min(max(accuracy_m or 0.0, self.border_m), self.coarsest_m)


POLICY = RoutePolicy()


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a report says it is: the claim that is taken, where that lies, and what disagrees.

    `elsewhere` are the locations of the claims that disagree with each other, with
    their distances from the place taken in metres. `nearest` is the county nearest to a
    place that lies in none, up to FARTHEST_M away.
    """

    claims: tuple[PlaceClaim, ...] = ()
    chosen: ChosenPlace | None = None
    location: Location | None = None
    disagreements: tuple[Disagreement, ...] = ()
    elsewhere: tuple[tuple[Location, float], ...] = ()
    nearest: Candidate | None = None
    boundary_version: str

    @property
    def is_outside_mainland(self) -> bool:
        """Whether the place is known and no county of the mainland holds it or is near."""
        if self.location is None:
            return False
        codes = [self.location.code, *(each.code for each in self.location.candidates)]
        return not any(code and not code.startswith(_OTHER_LAW) for code in codes)


@dataclass(frozen=True, kw_only=True)
class RouteFacts:
    """Everything the decision of one department's share of a report depends on.

    `county_unit` and `street_unit` are the department's units for exactly the county
    and the street of `place`. `failures` counts the runs after which the pipeline
    gave up, 0 when it did not.
    """

    department: Department
    categories: tuple[str, ...]
    place: Place
    readable_photos: int
    county_unit: UUID | None = None
    street_unit: UUID | None = None
    failures: int = 0


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Where it goes. Without `unit_id` it goes to the desk for `desk_codes` (none: the nation's).

    `county_code` is set when the county is sure, for dispatch too. `reasons` hold a
    `code` of REASONS and its facts, `candidates` code, name and distance in metres.
    """

    rule: str
    unit_id: UUID | None
    county_code: str | None
    reasons: tuple[dict[str, Any], ...] = ()
    candidates: tuple[dict[str, Any], ...] = ()
    desk_codes: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Return `unit` or `dispatch`, as RouteDecision stores it."""
        return "dispatch" if self.unit_id is None else "unit"


def locate(claims: Sequence[PlaceClaim], *, polygons: BoundarySet, on: date) -> Place:
    """Return the place that the written rule takes from the claims, and where it lies on a day."""
    chosen, conflicts = choose_place(claims), disagreements(claims)
    if chosen is None:
        return Place(claims=tuple(claims), boundary_version=polygons.version)
    margin_m = POLICY.margin_m(chosen.claim.accuracy_m)
    # Wider than the decision needs, so that the runner-up is known as well.
    location = polygons.locate(chosen.claim.point, margin_m=max(margin_m, NEARBY_M), on=on)
    nearest = location.runner_up
    if location.code is None and nearest is None:
        nearest = polygons.locate(chosen.claim.point, margin_m=FARTHEST_M, on=on).runner_up
    others = {each for conflict in conflicts for each in (conflict.first, conflict.second)}
    return Place(
        claims=tuple(claims),
        chosen=chosen,
        location=location,
        disagreements=conflicts,
        nearest=nearest,
        elsewhere=tuple(
            (
                polygons.locate(claim.point, margin_m=POLICY.margin_m(claim.accuracy_m), on=on),
                distance_m(chosen.claim.point, claim.point),
            )
            for claim in claims
            if claim in others
        ),
        boundary_version=location.version or polygons.version,
    )


def read_facts(
    session: Session,
    *,
    department: Department,
    categories: tuple[str, ...],
    place: Place,
    readable_photos: int,
    failures: int = 0,
) -> RouteFacts:
    """Add the department's units for the place to what is known."""
    units: dict[str, UUID | None] = {}
    location = place.location
    for kind, code in (
        ("county_unit", location and location.code),
        ("street_unit", location and _sure_street(location, place)),
    ):
        unit = find_unit(session, department=department, code=code) if code else None
        units[kind] = unit.id if unit else None
    return RouteFacts(
        department=department,
        categories=categories,
        place=place,
        readable_photos=readable_photos,
        failures=failures,
        **units,
    )


def _sure_street(location: Location, place: Place) -> str | None:
    """Return the street, unless its border or another street is nearer than the margin."""
    margin_m = _margin_m(place)
    distances_m = [each.distance_m for each in location.street_candidates]
    if location.street_border_distance_m is not None:
        distances_m.append(location.street_border_distance_m)
    return None if min(distances_m, default=margin_m) < margin_m else location.street_code


def decide(facts: RouteFacts) -> Decision:
    """Return where one department's share of a report goes, and why."""
    reasons = tuple(reason for check in CHECKS for reason in check(facts))
    location = facts.place.location
    county_code = location.code if location and not _doubts_place(reasons) else None
    if not reasons:
        rule, unit_id = (
            ("street-station", facts.street_unit)
            if facts.street_unit
            else ("county-unit", facts.county_unit)
        )
        return Decision(rule=rule, unit_id=unit_id, county_code=county_code)
    candidates = _candidates(facts.place)
    return Decision(
        rule="dispatch",
        unit_id=None,
        county_code=county_code,
        reasons=reasons,
        candidates=tuple(
            {"code": each.code, "name": full_name(each.code), "distance_m": each.distance_m}
            for each in candidates
        ),
        desk_codes=tuple(each.code for each in candidates if not each.code.startswith(_OTHER_LAW)),
    )


def _reason(code: str, **facts: Any) -> dict[str, Any]:
    return {"code": code, **facts}


def _margin_m(place: Place) -> float:
    return POLICY.margin_m(place.chosen.claim.accuracy_m if place.chosen else None)


def _failed(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    if facts.failures:
        yield _reason("pipeline-failed", attempts=facts.failures)


def _unseen(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    if not facts.readable_photos and not facts.failures:
        yield _reason("no-readable-photo")


def _powerless(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    # Beside a category whose department is known, «something else» changes nothing.
    if set(facts.categories) == {"OTHER"}:
        yield _reason("category-other")


def _placeless(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    if facts.place.chosen is None:
        yield _reason("no-place")


def _disputed(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    for each in facts.place.disagreements:
        yield _reason(
            "claims-disagree",
            first=each.first.source,
            second=each.second.source,
            distance_m=each.distance_m,
            allowed_m=each.allowed_m,
        )


def _too_coarse(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    accuracy_m = facts.place.chosen.claim.accuracy_m if facts.place.chosen else None
    if accuracy_m is not None and accuracy_m > POLICY.coarsest_m:
        yield _reason("accuracy-too-coarse", accuracy_m=accuracy_m)


def _nowhere(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    location = facts.place.location
    if location is None:
        return
    if location.code is None:
        near = location.runner_up
        if near is None:
            yield _reason("outside-china", **_how_far(facts.place.nearest))
        else:
            yield _reason("no-polygon", county=full_name(near.code), distance_m=near.distance_m)
    elif location.code.startswith(_OTHER_LAW):
        yield _reason("outside-mainland", county=full_name(location.code))


def _how_far(nearest: Candidate | None) -> dict[str, Any]:
    """Return the facts of a place in no county and near none: how far the nearest one is."""
    if nearest is None:
        return {"beyond_m": FARTHEST_M}
    return {"county": full_name(nearest.code), "distance_m": nearest.distance_m}


def _outdated(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    location = facts.place.location
    if location and location.code and location.boundary_outdated:
        yield _reason("boundary-outdated", county=full_name(location.code))


def _at_border(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    location, margin_m = facts.place.location, _margin_m(facts.place)
    if location is None or location.code is None or location.boundary_outdated:
        return
    rivals = _rivals(facts.place)
    if rivals:
        yield _reason(
            "border-near",
            county=full_name(rivals[0].code),
            distance_m=rivals[0].distance_m,
            margin_m=margin_m,
        )
    elif _is_near(location.border_distance_m, margin_m):
        yield _reason("outer-border-near", distance_m=location.border_distance_m, margin_m=margin_m)


def _unstaffed(facts: RouteFacts) -> Iterable[dict[str, Any]]:
    location = facts.place.location
    if location and location.code and facts.county_unit is None and facts.street_unit is None:
        yield _reason("no-unit", department=facts.department.value, county=full_name(location.code))


# Each looks for one thing that speaks against a sure answer; all are asked, so that a
# dispatcher reads everything at once.
CHECKS: tuple[Callable[[RouteFacts], Iterable[dict[str, Any]]], ...] = (
    _failed,
    _unseen,
    _powerless,
    _placeless,
    _disputed,
    _too_coarse,
    _nowhere,
    _outdated,
    _at_border,
    _unstaffed,
)
# These leave the county itself in no doubt.
_SURE_PLACE = frozenset({"pipeline-failed", "no-readable-photo", "category-other", "no-unit"})


def _doubts_place(reasons: Iterable[dict[str, Any]]) -> bool:
    return any(reason["code"] not in _SURE_PLACE for reason in reasons)


def _is_near(distance_m: float | None, margin_m: float) -> bool:
    return distance_m is not None and distance_m < margin_m


def _rivals(place: Place) -> tuple[Candidate, ...]:
    """Return the counties across a border that is too near, the nearest first."""
    if place.location is None:
        return ()
    margin_m = _margin_m(place)
    others = place.location.candidates
    borders_m = [place.location.border_distance_m, *(each.distance_m for each in others)]
    if not any(_is_near(each, margin_m) for each in borders_m):
        return ()
    # Two outlines of one border do not always meet, so the other side may lie farther.
    return tuple(each for each in others if each.distance_m < 2 * margin_m)


def _candidates(place: Place) -> tuple[Candidate, ...]:
    """Return the counties it may be: where the place lies, what is too near, and other claims'."""
    found: dict[str, Candidate] = {}

    def add(code: str | None, name: str | None, apart_m: float) -> None:
        if code and (code not in found or found[code].distance_m > apart_m):
            found[code] = Candidate(code, name or "", apart_m)

    if place.location:
        inside = place.location
        add(inside.code, inside.name, 0.0)
        for rival in _rivals(place) if inside.code else inside.candidates:
            add(rival.code, rival.name, rival.distance_m)
    for location, apart_m in place.elsewhere:
        add(location.code, location.name, apart_m)
    return tuple(sorted(found.values(), key=lambda each: (each.distance_m, each.code)))
