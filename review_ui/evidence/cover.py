"""Sets the cover sheet of an evidence package: a PDF in Chinese, from the manifest."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typst

from intake.fonts import Font
from intake.photos import PhotoStore
from review_ui.evidence.manifest import PackedPhoto
from review_ui.room import WEB
from schemas.flags import SOURCE_NAMES
from schemas.records import FIELDS

TEMPLATE = WEB / "print" / "cover.typ"
# Beyond this many, pictures are set from the small derivatives, so that memory stays small.
LARGE_PICTURES = 12


def cover_sheet(
    *,
    manifest: Mapping[str, Any],
    manifest_sha256: str,
    photos: Sequence[PackedPhoto],
    store: PhotoStore,
    font: Font,
) -> bytes:
    """Return the cover sheet as PDF; pictures are derivatives, which carry no metadata."""
    with tempfile.TemporaryDirectory(prefix="cover-") as name:
        directory = Path(name)
        shutil.copyfile(TEMPLATE, directory / "cover.typ")
        data = {
            "manifest": manifest,
            "manifest_sha256": manifest_sha256,
            "font": font.family,
            "pictures": _pictures(photos, store, directory),
            "sources": {code: words.zh for code, words in SOURCE_NAMES.items()},
            "records": {
                str(entry["version"]): _lines(entry["record"]) for entry in manifest["history"]
            },
        }
        (directory / "data.json").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        return typst.compile(
            str(directory / "cover.typ"),
            root=str(directory),
            font_paths=[str(font.directory)],
            ignore_system_fonts=True,
        )


def _pictures(
    photos: Sequence[PackedPhoto], store: PhotoStore, directory: Path
) -> list[str | None]:
    wanted = 1280 if len(photos) <= LARGE_PICTURES else 320
    names: list[str | None] = []
    for number, photo in enumerate(photos):
        size = wanted if wanted in photo.sizes else max(photo.sizes, default=0)
        data = store.read_derivative(photo.photo_id, size) if size else None
        names.append(f"{number}.jpg" if data else None)
        if data:
            (directory / f"{number}.jpg").write_bytes(data)
    return names


def _lines(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a record as label and value in Chinese, in the order of the table of fields."""
    lines = []
    for name, field in FIELDS.items():
        value = record.get(name)
        if value is None or value == "" or name not in record or name == "route_reasons":
            continue
        if field.kind == "money":
            text = f"{value / 100:,.2f} 元"
        elif field.choices:
            codes = value if isinstance(value, list) else [value]
            text = "、".join(field.choices[c].zh if c in field.choices else str(c) for c in codes)
        else:
            text = str(value)
        lines.append((field.words.zh, text))
    return lines
