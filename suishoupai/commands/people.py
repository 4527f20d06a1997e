"""`riders invite`, `riders verify`, `riders supervisor`; `stations add`, `renew`, `end`, `list`."""

from pathlib import Path
from uuid import UUID

import click
from sqlalchemy.orm import Session

from intake.drawing import print_qr_code
from intake.identity.invitations import end_invitation, make_invitation
from intake.identity.stations import add_station, end_station, renew_token, stations
from intake.riders.registering import (
    VERIFIED,
    appoint_supervisor,
    find_by_phone,
    find_rider,
    verify_rider,
)
from schemas.database import now_utc
from schemas.numbers import LOCAL_ZONE
from schemas.sealing import Sealer
from schemas.tables import Rider
from schemas.words import Words
from suishoupai.commands.console import Command, Commands, Console, pass_console

PHONE = click.option("--phone", help="The rider's phone; or give --rider-id.")
RIDER_ID = click.option("--rider-id", type=click.UUID)


def one_rider(
    session: Session, sealer: Sealer, *, phone: str | None, rider_id: UUID | None
) -> Rider:
    """Return the rider whom a command names; raises NotFound `rider-unknown`."""
    if (phone is None) is (rider_id is None):
        raise click.UsageError("Give either --phone or --rider-id.")
    if rider_id is None:
        return find_by_phone(session, sealer=sealer, phone=phone or "")
    return find_rider(session, rider_id=rider_id)


@click.command(cls=Command)
@click.option("--platform", required=True)
@click.option("--station", required=True)
@click.option("--days", default=14, show_default=True, help="How long it is good.")
@click.option("--riders", "count", default=100, show_default=True, help="How many may register.")
@click.option(
    "--qr",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write its QR code to this file (.svg or .png).",
)
@pass_console
def invite(
    console: Console, *, platform: str, station: str, days: int, count: int, qr: Path | None
) -> None:
    """Make an invitation by which riders of one station register themselves."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        invitation, token = make_invitation(
            session, platform=platform, station=station, days=days, riders=count, now=now_utc()
        )
        address = f"{settings.rider_address}/join/{token}"
        if qr is not None:
            print_qr_code(address, qr)
    until = invitation.expires_at.astimezone(LOCAL_ZONE).strftime("%Y-%m-%d %H:%M")
    words = Words(
        f"邀请码 {invitation.id}，{until} 前有效，最多 {count} 人。\n"
        f"链接（只显示这一次）：{address}",
        f"Invitation {invitation.id}, good until {until} for {count} riders.\n"
        f"Its link, shown only now: {address}",
    )
    document = {
        "invitation_id": invitation.id,
        "address": address,
        "expires_at": invitation.expires_at,
        "riders": count,
    }
    console.result(document, words.say(console.locale))


@click.command("end-invitation", cls=Command)
@click.argument("invitation_id", type=click.UUID)
@pass_console
def end_invite(console: Console, *, invitation_id: UUID) -> None:
    """End an invitation before its time."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        end_invitation(session, invitation_id=invitation_id, now=now_utc())
    words = Words("邀请码已停用。", "The invitation is ended.")
    console.result({"ended": True}, words.say(console.locale))


@click.command(cls=Command)
@PHONE
@RIDER_ID
@pass_console
def verify(console: Console, *, phone: str | None, rider_id: UUID | None) -> None:
    """Note that the operator has seen who a rider is."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        rider = one_rider(session, Sealer(settings), phone=phone, rider_id=rider_id)
        verify_rider(session, rider=rider)
    words = Words("身份已核实。", "The rider's identity is verified.")
    console.result({"rider_id": rider.id, "verification": VERIFIED}, words.say(console.locale))


@click.command(cls=Command)
@PHONE
@RIDER_ID
@click.option("--end", is_flag=True, help="End the appointment.")
@pass_console
def supervisor(console: Console, *, phone: str | None, rider_id: UUID | None, end: bool) -> None:
    """Appoint a rider as food-safety supervisor (食品安全监督员), or end it."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        rider = one_rider(session, Sealer(settings), phone=phone, rider_id=rider_id)
        appoint_supervisor(session, rider=rider, appointed=not end)
    words = (
        Words("已免去食品安全监督员。", "The appointment is ended.")
        if end
        else Words("已任命为食品安全监督员。", "Appointed as food-safety supervisor.")
    )
    console.result({"rider_id": rider.id, "supervisor": not end}, words.say(console.locale))


@click.group("stations", cls=Commands)
def stations_group() -> None:
    """Register stations whose terminals take riders' personal codes."""


@stations_group.command("add")
@click.option("--name", required=True)
@click.option("--place", required=True, help="Where it is, as people say it.")
@pass_console
def add(console: Console, *, name: str, place: str) -> None:
    """Register a station and show its terminal's token, which is shown only now."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        station, token = add_station(session, name=name, place=place, now=now_utc())
    _show_token(console, station.name, token, f"{settings.rider_address}/station")


@stations_group.command("renew")
@click.argument("name")
@pass_console
def renew(console: Console, *, name: str) -> None:
    """Give a station's terminal a new token; the old one opens nothing any more."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        token = renew_token(session, name=name)
    _show_token(console, name, token, f"{settings.rider_address}/station")


@stations_group.command("end")
@click.argument("name")
@pass_console
def end(console: Console, *, name: str) -> None:
    """End a station's terminal."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        end_station(session, name=name, now=now_utc())
    console.result(
        {"ended": name}, Words("站点已停用。", "The station is ended.").say(console.locale)
    )


@stations_group.command("list")
@pass_console
def list_stations(console: Console) -> None:
    """List the stations."""
    settings = console.settings()
    with console.database(settings) as database, database.reading() as session:
        rows = [{"name": each.name, "place": each.place} for each in stations(session)]
    lines = "\n".join(f"{row['name']}\t{row['place']}" for row in rows)
    nothing = Words("还没有站点。", "There is no station yet.")
    console.result({"stations": rows}, lines or nothing.say(console.locale))


def _show_token(console: Console, name: str, token: str, address: str) -> None:
    words = Words(
        f"站点“{name}”的终端页面：{address}\n终端令牌（只显示这一次）：{token}",
        f"The terminal's page of “{name}”: {address}\nIts token, shown only now: {token}",
    )
    console.result({"name": name, "token": token, "address": address}, words.say(console.locale))
