"""Official polygons from an operator's file: GeoJSON (RFC 7946) or TopoJSON."""

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import shapely

from schemas.boundaries.feature import code_of, dates_of, label_of, name_of, shape_of
from schemas.boundaries.merging import Override
from schemas.boundaries.topojson import features_of_topology
from schemas.errors import InvalidInput
from schemas.places import Datum
from schemas.words import Words

# CGCS2000 (EPSG:4490) differs from WGS-84 by centimetres.
_ACCEPTED_CRS = ("CRS84", "4326", "4490")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LoadedPolygon(Override):
    """A polygon read from a file; `mended` says what was wrong with its outline, if anything."""

    feature: int
    mended: str | None = None


def read_polygons(
    path: Path,
    *,
    version: str | None = None,
    valid_from: dt.date | None = None,
    valid_to: dt.date | None = None,
    datum: Datum = Datum.WGS84,
) -> list[LoadedPolygon]:
    """Read county and street polygons from a GeoJSON or TopoJSON file.

    The code (6, 9 or 12 digits) and the name are taken from the properties under
    any of the usual keys, and so are the dates, which win over the arguments. Parts
    of one code are joined. `version` is the file's name and the beginning of its
    SHA-256 unless given. Raises InvalidInput naming the feature and what is wrong.
    """
    data = _bytes_of(path)
    version = version or f"{path.name} {hashlib.sha256(data).hexdigest()[:12]}"
    parts: defaultdict[tuple[object, ...], list[LoadedPolygon]] = defaultdict(list)
    for number, properties, geometry in _features(_parsed(data, path.name)):
        try:
            code, level = code_of(properties)
            begin, end = dates_of(properties, valid_from, valid_to)
            shape, mended = shape_of(geometry, datum)
            name = name_of(properties, code)
        except InvalidInput as error:
            raise _refused(path.name, number, label_of(properties), error.words) from None
        polygon = LoadedPolygon(
            code=code,
            name=name,
            level=level,
            geometry=shape,
            version=version,
            valid_from=begin,
            valid_to=end,
            feature=number,
            mended=mended,
        )
        parts[code, begin, end].append(polygon)
    if not parts:
        raise _bad_file(path.name, "里没有任何要素。", "holds no features.")
    return [_joined(group) for group in parts.values()]


def _refused(file: str, number: int, name: str | None, words: Words) -> InvalidInput:
    zh = f"第 {number} 个要素" + (f"（{name}）" if name else "")
    en = f"feature {number}" + (f" ({name})" if name else "")
    return InvalidInput(
        "boundary-feature-invalid",
        Words(f"边界文件 {file} {zh}：{words.zh}", f"Boundary file {file}, {en}: {words.en}"),
        field="file",
        feature=number,
    )


def _bad_file(file: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(
        "boundary-file-invalid",
        Words(f"边界文件 {file} {zh}", f"The boundary file {file} {en}"),
        field="file",
    )


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _bad_file(
            path.name,
            "无法读取，请检查路径和权限。",
            "can't be read; check its path and permissions.",
        ) from error


def _parsed(data: bytes, file: str) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise _bad_file(
            file,
            f"不是有效的 UTF-8 JSON：{error}",
            f"is not valid JSON in UTF-8: {error}",
        ) from error
    kinds = {"FeatureCollection", "Feature", "Topology"}
    if not isinstance(content, dict) or content.get("type") not in kinds:
        raise _bad_file(
            file,
            "不是 GeoJSON 要素集合或 TopoJSON，请导出为其中一种。",
            "is neither a GeoJSON FeatureCollection nor TopoJSON; export it as one of them.",
        )
    crs = json.dumps(content.get("crs"))
    if content.get("crs") is not None and not any(name in crs for name in _ACCEPTED_CRS):
        raise _bad_file(
            file,
            "的坐标系不是 WGS-84 经纬度，请先转换。",
            "is not in WGS-84 degrees by its `crs`; convert it first.",
        )
    try:
        return features_of_topology(content) if content["type"] == "Topology" else content
    except ValueError as error:
        raise _bad_file(
            file, f"的 TopoJSON 弧段有误：{error}", f"has broken TopoJSON arcs: {error}"
        ) from error


def _features(content: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any], Any]]:
    """Yield (number from 1, properties, geometry) of each feature, whatever they hold."""
    features = [content] if content["type"] == "Feature" else content.get("features")
    for number, each in enumerate(features if isinstance(features, list) else [], start=1):
        feature = each if isinstance(each, dict) else {}
        properties = feature.get("properties")
        yield number, properties if isinstance(properties, dict) else {}, feature.get("geometry")


def _joined(group: list[LoadedPolygon]) -> LoadedPolygon:
    """Join the parts of one code, which some exports give as separate features."""
    if len(group) == 1:
        return group[0]
    reasons = "; ".join(each.mended for each in group if each.mended)
    whole = shapely.union_all([each.geometry for each in group])
    return replace(group[0], geometry=whole, mended=reasons or None)
