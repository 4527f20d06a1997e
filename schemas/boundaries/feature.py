"""What one feature of an operator's boundary file says: code, name, dates and outline."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from schemas.divisions import county, divisions
from schemas.errors import InvalidInput
from schemas.places import Datum, to_wgs84
from schemas.words import Words

# What official and public files call the same thing.
_CODE_KEYS = ("code", "adcode", "区划代码", "行政区划代码", "XZQDM", "PAC", "pac", "gb")
_NAME_KEYS = ("name", "名称", "区划名称", "XZQMC", "NAME")
_FROM_KEYS = ("valid_from", "生效日期")
_TO_KEYS = ("valid_to", "失效日期")

# West, south, east, north of everything the program may route to.
_CHINA = (73.0, 3.0, 136.0, 54.0)


def wrong(zh: str, en: str) -> InvalidInput:
    """Refuse one feature; the reader of the file adds which one it was."""
    return InvalidInput("boundary-feature-invalid", Words(zh, en), field="file")


def label_of(properties: Mapping[str, Any]) -> str | None:
    """Return the feature's name as it stands, for a message."""
    name = _first(properties, _NAME_KEYS)
    return name if isinstance(name, str) else None


def _first(properties: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((properties[name] for name in names if properties.get(name) is not None), None)


def code_of(properties: Mapping[str, Any]) -> tuple[str, Literal["county", "street"]]:
    """Return the code in 6 or 12 digits and the level it is of."""
    raw = _first(properties, _CODE_KEYS)
    # Spreadsheet programs turn a column of codes into decimal numbers.
    text = str(int(raw) if isinstance(raw, float) and raw.is_integer() else raw).strip()
    if raw is None or not (text.isascii() and text.isdigit()):
        raise wrong(
            f"没有区划代码，请在属性 {'、'.join(_CODE_KEYS[:3])} 之一中填写。",
            f"has no division code; put it into one of {', '.join(_CODE_KEYS[:3])}.",
        )
    full = text.ljust(12, "0")
    if len(text) not in {6, 9, 12} or (not full.endswith("000")):
        raise wrong(
            f"代码“{text}”须为 6 位（区县）、9 位或 12 位（街道、乡镇，后三位为 0）。",
            f"the code “{text}” must have 6 digits (county), or 9 or 12 (street or town, the last "
            "three being 0).",
        )
    if full[:2] + "0000" not in divisions():
        raise wrong(f"代码“{text}”的省份不存在。", f"no province begins the code “{text}”.")
    if full[6:] != "000000":
        return full, "street"
    _check_county(full[:6])
    return full[:6], "county"


def _check_county(code: str) -> None:
    """Refuse cities and provinces; a county newer than the list of names is welcome."""
    if code in divisions():
        county(code)


def name_of(properties: Mapping[str, Any], code: str) -> str:
    """Return the name in the properties, else the official one of the code."""
    name = _first(properties, _NAME_KEYS)
    if isinstance(name, str) and name.strip():
        return name.strip()
    if code in divisions():
        return divisions()[code].name
    raise wrong(
        f"代码 {code} 没有名称，请在属性 name 或“名称”中填写。",
        f"the code {code} has no name; put it into the property name.",
    )


def dates_of(
    properties: Mapping[str, Any], valid_from: dt.date | None, valid_to: dt.date | None
) -> tuple[dt.date | None, dt.date | None]:
    """Return the first day and the day after the last; the arguments where it names none."""
    begin = _date(properties, _FROM_KEYS) or valid_from
    end = _date(properties, _TO_KEYS) or valid_to
    if begin is not None and end is not None and begin >= end:
        raise wrong(
            f"失效日期 {end} 不晚于生效日期 {begin}。",
            f"it ends on {end}, not after it begins on {begin}.",
        )
    return begin, end


def _date(properties: Mapping[str, Any], keys: tuple[str, ...]) -> dt.date | None:
    raw = _first(properties, keys)
    if raw is None:
        return None
    try:
        return dt.date.fromisoformat(raw)
    except (TypeError, ValueError):
        raise wrong(
            f"日期“{raw}”须写成 2026-01-01 的形式。", f"write the date “{raw}” like 2026-01-01."
        ) from None


def shape_of(geometry: Any, datum: Datum) -> tuple[shapely.Geometry, str | None]:
    """Return the polygon in WGS-84, made valid, and what was wrong with it."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in {"Polygon", "MultiPolygon"}:
        raise wrong(
            f"几何类型为 {kind or '空'}，须为 Polygon 或 MultiPolygon。",
            f"its geometry is {kind or 'empty'}; it must be a Polygon or MultiPolygon.",
        )
    try:
        polygons = geometry["coordinates"] if kind == "MultiPolygon" else [geometry["coordinates"]]
        shape = shapely.MultiPolygon([_polygon(rings) for rings in polygons])
    except (KeyError, IndexError, TypeError, ValueError, shapely.GEOSException):
        raise wrong(
            "坐标不完整：每个环须为至少四个 [经度, 纬度]，首尾相同。",
            "its coordinates are broken: each ring needs at least four [longitude, latitude], the "
            "last like the first.",
        ) from None
    _check_in_china(shape)
    if datum is not Datum.WGS84:
        shape = shapely.transform(shape, lambda vertices: _converted(vertices, datum))
    if shape.is_valid:
        return shape, None
    mended = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    if not mended.area:
        raise wrong("多边形没有面积。", "the polygon has no area.")
    return mended, shapely.is_valid_reason(shape)


def _polygon(rings: Any) -> shapely.Polygon:
    outlines = [np.asarray(ring, dtype=np.float64)[:, :2] for ring in rings]
    if any(len(each) < 4 or (each[0] != each[-1]).any() for each in outlines):
        raise ValueError("open ring")
    if not all(np.isfinite(each).all() for each in outlines):
        raise ValueError("not a number")
    return shapely.Polygon(outlines[0], outlines[1:])


def _check_in_china(shape: shapely.MultiPolygon) -> None:
    if _inside(shape.bounds):
        return
    west, south, east, north = shape.bounds
    if _inside((south, west, north, east)):
        raise wrong(
            "经纬度颠倒了，须先经度后纬度。",
            "longitude and latitude are exchanged; longitude comes first.",
        )
    raise wrong(
        f"坐标（{west:.6g}, {south:.6g}）至（{east:.6g}, {north:.6g}）不在中国范围内，"
        "须为 WGS-84 经纬度（度）。",
        f"its coordinates from ({west:.6g}, {south:.6g}) to ({east:.6g}, {north:.6g}) are not in "
        "China; they must be WGS-84 degrees.",
    )


def _inside(bounds: tuple[float, float, float, float]) -> bool:
    return (
        bounds[0] >= _CHINA[0]
        and bounds[1] >= _CHINA[1]
        and bounds[2] <= _CHINA[2]
        and bounds[3] <= _CHINA[3]
    )


def _converted(vertices: NDArray[np.float64], datum: Datum) -> NDArray[np.float64]:
    points = (to_wgs84(latitude, longitude, datum) for longitude, latitude in vertices.tolist())
    return np.array([(point.longitude, point.latitude) for point in points])
