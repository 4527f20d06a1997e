"""`jurisdictions load`: official polygons, which win over the package's from then on."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.boundaries.files import LoadedPolygon, read_polygons
from schemas.database import new_id, now_utc
from schemas.places import Datum
from schemas.tables import Jurisdiction
from schemas.words import Words
from schemas.workdays import local_date
from suishoupai.commands.console import Commands, Console, pass_console

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group(cls=Commands)
def jurisdictions() -> None:
    """Official boundaries."""


@jurisdictions.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--version", help="Name of the source; else the file's name and its SHA-256.")
@click.option("--valid-from", type=_DAY, help="First day on which they count; else today.")
@click.option("--valid-to", type=_DAY, help="First day on which they count no more.")
@click.option(
    "--datum",
    default=Datum.WGS84.value,
    show_default=True,
    type=click.Choice([d.value for d in Datum]),
    help="Datum of the file's coordinates.",
)
@pass_console
def load(
    console: Console,
    *,
    file: Path,
    version: str | None,
    valid_from: datetime | None,
    valid_to: datetime | None,
    datum: str,
) -> None:
    """Load county and street polygons from GeoJSON or TopoJSON; all of the file or nothing."""
    settings = console.settings()
    polygons = read_polygons(
        file,
        version=version,
        valid_from=valid_from.date() if valid_from else local_date(now_utc()),
        valid_to=valid_to.date() if valid_to else None,
        datum=Datum(datum),
    )
    with console.database(settings) as database, database.writing() as session:
        fresh = store_polygons(session, polygons)
    console.result(_document(polygons, fresh), _report(polygons, fresh).say(console.locale))


def store_polygons(session: Session, polygons: Sequence[LoadedPolygon]) -> list[LoadedPolygon]:
    """Store polygons that are not stored yet under the same source and day; return those."""
    known = {
        tuple(row)
        for row in session.execute(
            select(Jurisdiction.code, Jurisdiction.version, Jurisdiction.valid_from)
        )
    }
    today = local_date(now_utc())
    fresh = []
    for polygon in polygons:
        begins = polygon.valid_from or today
        if (polygon.code, polygon.version, begins) in known:
            continue
        row = Jurisdiction(
            id=new_id(),
            code=polygon.code,
            name=polygon.name,
            level=polygon.level,
            version=polygon.version,
            geometry=shapely.to_wkb(polygon.geometry),
            valid_from=begins,
            valid_to=polygon.valid_to,
        )
        session.add(row)
        audit.record(
            session,
            actor=audit.OPERATOR,
            action="jurisdiction.loaded",
            subject=("jurisdiction", row.id),
            after={"code": row.code, "version": row.version},
        )
        fresh.append(polygon)
    return fresh


def _document(polygons: Sequence[LoadedPolygon], fresh: Sequence[LoadedPolygon]) -> dict[str, Any]:
    return {
        "version": polygons[0].version,
        "read": len(polygons),
        "stored": len(fresh),
        "polygons": [
            {
                "code": polygon.code,
                "name": polygon.name,
                "level": polygon.level,
                "valid_from": polygon.valid_from,
                "valid_to": polygon.valid_to,
                "mended": polygon.mended,
            }
            for polygon in polygons
        ],
    }


def _report(polygons: Sequence[LoadedPolygon], fresh: Sequence[LoadedPolygon]) -> Words:
    counties = sum(polygon.level == "county" for polygon in fresh)
    mended = [polygon for polygon in fresh if polygon.mended]
    names = "、".join(f"{polygon.code} {polygon.name}" for polygon in mended)
    zh = (
        f"来源“{polygons[0].version}”：读到 {len(polygons)} 个辖区，新存 {len(fresh)} 个"
        f"（区县 {counties} 个，街道 {len(fresh) - counties} 个）。"
    )
    en = (
        f"Source “{polygons[0].version}”: {len(polygons)} areas read, {len(fresh)} stored "
        f"({counties} counties, {len(fresh) - counties} streets)."
    )
    if mended:
        zh += f"轮廓有误、已自动修补的：{names}。"
        en += f" Outlines that were mended: {names}."
    return Words(zh, en)
