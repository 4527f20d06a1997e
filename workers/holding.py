"""Whose word a match is, and whether it still holds by its own numbers under other thresholds."""

from collections.abc import Callable
from typing import Any

from schemas.tables import Match
from workers.closely.comparing import SAME_SCENE, kind_by
from workers.linking import SAME_INCIDENT
from workers.match import ALTERED_PICTURE, SAME_BYTES, SAME_PICTURE
from workers.neighbours import SAME_PREMISES
from workers.policy import MatchPolicy, is_machines

CLOSE_KINDS = (ALTERED_PICTURE, SAME_SCENE)


def holds(match: Match, policy: MatchPolicy) -> bool | None:
    """Tell whether a match holds by these thresholds; None of a kind that has none."""
    held = _HOLDS.get(match.kind)
    return held and held(match, policy)


def is_only_machines(match: Match) -> bool:
    """Tell whether the machine found a match and no person has suggested or rejected it."""
    return is_machines(match.policy) and "rejected_by" not in match.facts


def told(match: Match) -> dict[str, Any]:
    """Return a match as the audit log keeps it."""
    return {
        "kind": match.kind,
        "report_id": str(match.report_id),
        "other_report_id": str(match.other_report_id),
        "distance_bits": match.distance_bits,
        "distance_m": match.distance_m,
        "policy": match.policy,
    }


def _is_near(match: Match, within_m: float, policy: MatchPolicy) -> bool:
    hours = policy.window.total_seconds() / 3600
    return (match.distance_m or 0.0) <= within_m and (match.hours_apart or 0.0) <= hours


def _is_as_close(match: Match, policy: MatchPolicy) -> bool:
    numbers = match.facts
    if "spots" not in numbers:
        # Found by what a photographed screen shows.
        return (match.distance_bits or 0) <= policy.picture_bits
    # What was found before the spots' reach was reckoned stands by its other numbers.
    reach = numbers.get("reach", 1.0)
    return kind_by(numbers["spots"], numbers["score"], reach, policy) == match.kind


_HOLDS: dict[str, Callable[[Match, MatchPolicy], bool]] = {
    SAME_BYTES: lambda _match, _policy: True,
    SAME_PICTURE: lambda match, policy: (match.distance_bits or 0) <= policy.picture_bits,
    SAME_PREMISES: lambda match, policy: _is_near(match, policy.premises_m, policy),
    SAME_INCIDENT: lambda match, policy: _is_near(match, policy.incident_m, policy),
    ALTERED_PICTURE: _is_as_close,
    SAME_SCENE: _is_as_close,
}
