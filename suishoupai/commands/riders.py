"""`riders add` and `riders import`: registration by hand or from a platform's list."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import click

from intake.riders.erasure import erase_rider
from intake.riders.imports import ImportResult, RefusedRow, RiderRow, import_riders
from intake.riders.lists import read_rider_list
from intake.riders.registering import RiderProfile, add_rider, issue_token, revoke_tokens
from schemas import audit
from schemas.database import now_utc
from schemas.sealing import Sealer, hide_phones
from schemas.words import Words
from suishoupai.commands.codes import codes
from suishoupai.commands.console import Commands, Console, Tick, pass_console
from suishoupai.commands.people import end_invite, invite, one_rider, supervisor, verify


@click.group(cls=Commands)
def riders() -> None:
    """Register riders and look after them."""


for _command in (codes, invite, end_invite, verify, supervisor):
    riders.add_command(_command)


@riders.command()
@click.option("--name", required=True)
@click.option("--phone", required=True)
@click.option("--platform", default="")
@click.option("--station", default="")
@click.option("--employee-number", default="")
@click.option("--supervisor", is_flag=True, help="An appointed food-safety supervisor.")
@pass_console
def add(
    console: Console,
    *,
    name: str,
    phone: str,
    platform: str,
    station: str,
    employee_number: str,
    supervisor: bool,
) -> None:
    """Register one rider and show the token, which is shown only now."""
    settings = console.settings()
    profile = RiderProfile(name, phone, platform, station, employee_number)
    with console.database(settings) as database, database.writing() as session:
        rider = add_rider(
            session, sealer=Sealer(settings), profile=profile, is_supervisor=supervisor
        )
        token = issue_token(session, rider_id=rider.id)
    words = Words(
        f"已登记骑手 {rider.id}。\n凭证（只显示这一次）：{token}",
        f"Rider {rider.id} is registered.\nToken, shown only now: {token}",
    )
    console.result({"rider_id": rider.id, "token": token}, words.say(console.locale))


@riders.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--with-tokens", is_flag=True, help="Issue a token to each new rider.")
@pass_console
def import_list(console: Console, *, file: Path, with_tokens: bool) -> None:
    """Register the riders of a CSV file (UTF-8 or GB 18030, with a heading line).

    Columns: name, phone, platform, station, employee_number, or 姓名, 手机号, 平台,
    站点, 工号. Riders who are known already are left as they are.
    """
    settings = console.settings()
    rows = list(read_rider_list(file.read_bytes()))
    with (
        console.progress(Words("登记骑手", "Registering riders")) as tick,
        console.database(settings) as database,
        database.writing() as session,
    ):
        result = import_riders(
            session,
            sealer=Sealer(settings),
            rows=_ticking(rows, tick),
            with_tokens=with_tokens,
        )
    console.result(_document(result, console.locale), _report(result, console.locale))
    if result.refused:
        raise click.exceptions.Exit(1)


@riders.command()
@click.option("--phone", help="The rider's phone; or give --rider-id.")
@click.option("--rider-id", type=click.UUID)
@click.option("--reason", default="request", show_default=True, help="Kept in the audit log.")
@pass_console
def erase(console: Console, *, phone: str | None, rider_id: UUID | None, reason: str) -> None:
    """Erase a rider's sealed personal data; a tombstone and the reports stay."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        rider = one_rider(session, Sealer(settings), phone=phone, rider_id=rider_id)
        tombstone = erase_rider(
            session,
            rider_id=rider.id,
            reason=hide_phones(reason),
            now=now_utc(),
            actor=audit.OPERATOR,
        )
    words = Words(
        f"骑手 {rider.id} 的个人信息已删除，留存的哈希：{tombstone}",
        f"The data of rider {rider.id} is erased; its hash stays: {tombstone}",
    )
    console.result({"rider_id": rider.id, "tombstone": tombstone}, words.say(console.locale))


@riders.command()
@click.option("--phone", help="The rider's phone; or give --rider-id.")
@click.option("--rider-id", type=click.UUID)
@pass_console
def revoke(console: Console, *, phone: str | None, rider_id: UUID | None) -> None:
    """End every session and token of a rider: a lost phone, a contract that ended."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        rider = one_rider(session, Sealer(settings), phone=phone, rider_id=rider_id)
        ended = revoke_tokens(session, rider_id=rider.id)
    words = Words(f"已停用 {ended} 个登录。", f"{ended} sign-ins are ended.")
    console.result({"rider_id": rider.id, "ended": ended}, words.say(console.locale))


def _ticking(rows: list[RiderRow], tick: Tick) -> Iterator[RiderRow]:
    for done, row in enumerate(rows, start=1):
        yield row
        tick(done, len(rows))


def _document(result: ImportResult, locale: str) -> dict[str, object]:
    def rows(refused: list[RefusedRow]) -> list[dict[str, object]]:
        return [
            {"line": row.line, "code": row.code, "detail": row.words.say(locale)} for row in refused
        ]

    return {
        "added": [
            {"line": row.line, "rider_id": row.rider_id, "token": row.token} for row in result.added
        ],
        "confirmed": result.confirmed,
        "duplicates": rows(result.duplicates),
        "refused": rows(result.refused),
    }


def _report(result: ImportResult, locale: str) -> str:
    words = Words(
        f"新登记 {len(result.added)} 人，已登记过 {len(result.duplicates)} 人，"
        f"有误 {len(result.refused)} 行。",
        f"{len(result.added)} registered, {len(result.duplicates)} known already, "
        f"{len(result.refused)} lines refused.",
    )
    lines = [words.say(locale)]
    if result.confirmed:
        confirmed = Words(
            f"确认了 {len(result.confirmed)} 名自行登记的骑手。",
            f"{len(result.confirmed)} who had registered by themselves are confirmed.",
        )
        lines.append(confirmed.say(locale))
    for row in [*result.refused, *result.duplicates]:
        line = Words(f"第 {row.line} 行：{row.words.zh}", f"Line {row.line}: {row.words.en}")
        lines.append(line.say(locale))
    lines += [f"{row.line}\t{row.token}" for row in result.added if row.token]
    return "\n".join(lines)
