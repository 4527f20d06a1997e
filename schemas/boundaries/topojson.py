"""TopoJSON turned into GeoJSON features (TopoJSON Format Specification, version 1.0.0).

Borders that two areas share are stored once, as arcs; a ring is a list of arc
numbers, ~n meaning arc n walked backwards.
"""

from collections.abc import Iterator
from typing import Any

Line = list[list[float]]


def features_of_topology(topology: dict[str, Any]) -> dict[str, Any]:
    """Return a FeatureCollection of every area of every object; ValueError where it is broken."""
    try:
        arcs = _decoded_arcs(topology)
        features = [
            {
                "type": "Feature",
                "properties": each.get("properties"),
                "geometry": _geometry(each, arcs),
            }
            for each in _geometries(topology["objects"])
        ]
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return {"type": "FeatureCollection", "features": features}


def _decoded_arcs(topology: dict[str, Any]) -> list[Line]:
    """Undo quantization (section 2.1.2): each vertex is a whole step from the one before."""
    arcs: list[Line] = topology["arcs"]
    transform = topology.get("transform")
    if transform is None:
        return arcs
    (scale_x, scale_y), (move_x, move_y) = transform["scale"], transform["translate"]
    decoded = []
    for arc in arcs:
        x, y = 0.0, 0.0
        line = []
        for step_x, step_y, *_ in arc:
            x, y = x + step_x, y + step_y
            line.append([x * scale_x + move_x, y * scale_y + move_y])
        decoded.append(line)
    return decoded


def _geometries(objects: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for each in objects.values():
        if each["type"] == "GeometryCollection":
            yield from each["geometries"]
        else:
            yield each


def _geometry(each: dict[str, Any], arcs: list[Line]) -> dict[str, Any] | None:
    kind = each["type"]
    if kind == "Polygon":
        return {"type": kind, "coordinates": [_ring(ring, arcs) for ring in each["arcs"]]}
    if kind == "MultiPolygon":
        polygons = [[_ring(ring, arcs) for ring in polygon] for polygon in each["arcs"]]
        return {"type": kind, "coordinates": polygons}
    # The reader says of anything else that it is no polygon.
    return {"type": kind} if kind else None


def _ring(numbers: list[int], arcs: list[Line]) -> Line:
    ring: Line = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        # Each arc begins on the vertex where the one before it ended.
        ring += arc if not ring else arc[1:]
    return ring
