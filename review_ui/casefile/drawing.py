"""What the small map of a case is sent: marks, lines and near cases, with their words."""

from collections.abc import Sequence
from typing import Any

from flask import url_for

from review_ui.casefile.reading import case_point
from review_ui.casefile.resemblances import ShopCase
from review_ui.casefile.whereabouts import Mark, Whereabouts
from review_ui.presenting import category_name, hour, metres, pseudonym, source_name, state_name
from schemas.places import Point


def drawn_claims(where: Whereabouts) -> dict[str, Any]:
    """Return the marks and the lines between them; degrees are WGS-84."""
    return {
        "places": [_drawn_mark(mark) for mark in where.marks],
        "lines": [
            {
                "ends": [_pair(line.first.point), _pair(line.second.point)],
                "words": metres(line.distance_m),
                "is_too_far": line.is_too_far,
            }
            for line in where.lines
        ],
    }


def drawn_cases(cases: Sequence[ShopCase]) -> list[tuple[dict[str, Any], Point]]:
    """Return the cases that have a place, with it."""
    found = []
    for each in cases:
        point = case_point(each.case)
        if point is None:
            continue
        parts = [
            each.case.premises_name,
            "、".join(category_name(code) for code in each.case.categories),
            state_name(each.case.state),
            metres(each.distance_m) if each.distance_m is not None else "",
        ]
        drawn = {
            "mark": each.mark,
            "words": " · ".join(part for part in parts if part),
            "href": url_for("cases.show_case", number=each.case.number),
            "is_same_shop": each.same_premises,
            "at": _pair(point),
        }
        found.append((drawn, point))
    return found


def _drawn_mark(mark: Mark) -> dict[str, Any]:
    place = mark.place
    parts = [
        source_name(place.source),
        pseudonym(place.pseudonym),
        f"±{metres(place.accuracy_m)}" if place.accuracy_m is not None else "",
        *(f"{source_name(time.source)} {hour(time.moment)}" for time in mark.times),
    ]
    return {
        "letter": mark.letter,
        "source": place.source,
        "words": " · ".join(part for part in parts if part),
        "at": _pair(mark.point),
        "accuracy_m": place.accuracy_m,
    }


def _pair(point: Point) -> list[float]:
    return [point.latitude, point.longitude]
