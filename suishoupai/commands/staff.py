"""`staff add`: people of the inspectors' room."""

import secrets

import click
from sqlalchemy.orm import Session

from review_ui.access.staff import add_staff
from review_ui.access.tokens import add_token
from schemas.access import Role
from schemas.errors import NotFound
from schemas.tables import Staff, Unit
from schemas.taxonomy import Department
from schemas.units import find_unit
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, pass_console


@click.group(cls=Commands)
def staff() -> None:
    """People who work in the inspectors' room."""


@staff.command()
@click.option("--sign-in", required=True)
@click.option("--name", required=True)
@click.option(
    "--role", "roles", required=True, multiple=True, type=click.Choice([r.value for r in Role])
)
@click.option("--unit", "code", required=True, help="Division code of the unit, e.g. 210103.")
@click.option(
    "--department",
    default=Department.MARKET.value,
    show_default=True,
    type=click.Choice([d.value for d in Department]),
)
@click.option("--password", help="At least 10 characters; made and shown if not given.")
@click.option("--api-token", is_flag=True, help="Issue a token for programs as well.")
@pass_console
def add(
    console: Console,
    *,
    sign_in: str,
    name: str,
    roles: tuple[str, ...],
    code: str,
    department: str,
    password: str | None,
    api_token: bool,
) -> None:
    """Add someone with roles at one unit; they reach down that unit's tree."""
    settings = console.settings()
    chosen = password or secrets.token_urlsafe(12)
    with console.database(settings) as database, database.writing() as session:
        unit = the_unit(session, department=department, code=code)
        person = add_staff(
            session,
            sign_in=sign_in,
            name=name,
            password=chosen,
            roles=[(Role(role), unit.id) for role in dict.fromkeys(roles)],
        )
        token = add_token(session, staff_id=person.id)[1] if api_token else None
        document: dict[str, object] = {
            "staff_id": person.id,
            "sign_in": person.sign_in,
            "unit": unit.name,
        }
        sentence = _sentence(person, unit)
    lines = [sentence.say(console.locale)]
    if password is None:
        document["password"] = chosen
        lines.append(
            Words(f"密码（只显示这一次）：{chosen}", f"Password, shown only now: {chosen}").say(
                console.locale
            )
        )
    if token is not None:
        document["token"] = token
        lines.append(
            Words(f"接口凭证（只显示这一次）：{token}", f"API token, shown only now: {token}").say(
                console.locale
            )
        )
    console.result(document, "\n".join(lines))


def the_unit(session: Session, *, department: str, code: str) -> Unit:
    """Return the unit of a department for a division; raises NotFound `unit-unknown`."""
    unit = find_unit(session, department=department, code=code)
    if unit is None:
        raise NotFound(
            "unit-unknown",
            Words(
                f"{code} 没有该部门的承办机构，可用 suishoupai units add 新建。",
                f"{code} has no unit of this department; `suishoupai units add` makes one.",
            ),
            field="unit",
        )
    return unit


def _sentence(person: Staff, unit: Unit) -> Words:
    return Words(
        f"已添加 {person.name}，用户名 {person.sign_in}，所在机构：{unit.name}。",
        f"{person.name} was added at {unit.name}, sign-in {person.sign_in}.",
    )
