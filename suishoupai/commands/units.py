"""`units add`: the units of departments other than market regulation."""

import click

from schemas.divisions import divisions, full_name
from schemas.errors import InvalidInput
from schemas.taxonomy import Department
from schemas.units import add_unit
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, pass_console


@click.group(cls=Commands)
def units() -> None:
    """Units that handle cases."""


@units.command()
@click.option("--department", required=True, type=click.Choice([d.value for d in Department]))
@click.option("--code", required=True, help="Division code: 6 digits, 12 for a street.")
@click.option("--name", help="Its own name, where the regular one does not fit.")
@pass_console
def add(console: Console, *, department: str, code: str, name: str | None) -> None:
    """Add a department's unit for one division."""
    settings = console.settings()
    division = divisions().get(code)
    if division is None:
        raise InvalidInput(
            "division-unknown",
            Words(f"没有区划代码 {code}。", f"There is no division with the code {code}."),
            field="code",
        )
    with console.database(settings) as database, database.writing() as session:
        unit = add_unit(session, department=Department(department), division=division, name=name)
    words = Words(
        f"已新建承办机构：{unit.name}（{full_name(code)}）。",
        f"The unit {unit.name} ({full_name(code)}) was made.",
    )
    document = {
        "unit_id": unit.id,
        "name": unit.name,
        "department": unit.department,
        "code": unit.division_code,
    }
    console.result(document, words.say(console.locale))
