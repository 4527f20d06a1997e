"""`riders codes`: the one-time codes that no SMS gateway sends, on the operator's console."""

import threading
from collections.abc import Iterator
from uuid import UUID

import click

from intake.identity.gateways import ShownCode, codes_to_show
from schemas.database import Database, now_utc
from schemas.numbers import LOCAL_ZONE
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.words import Words
from suishoupai.commands.console import Command, Console, pass_console

LOOK_EVERY_S = 1.0


@click.command(cls=Command)
@click.option("--follow", is_flag=True, help="Go on showing new ones until Ctrl-C.")
@pass_console
def codes(console: Console, *, follow: bool) -> None:
    """Show the one-time codes that riders asked for, to be told to them by voice.

    Only where SMS_GATEWAY_URL is not set. A phone is shown as its owner knows it,
    138****1111; a code is gone once it is used, and after five minutes.
    """
    settings = console.settings()
    with console.database(settings) as database:
        if follow:
            for shown in new_codes(settings, database, threading.Event()):
                click.echo(code_line(shown).say(console.locale))
            return
        with database.reading() as session:
            found = list(codes_to_show(session, sealer=Sealer(settings), now=now_utc()))
    lines = [code_line(each).say(console.locale) for each in found]
    nothing = Words("现在没有等待的验证码。", "No code waits at the moment.")
    document = {
        "codes": [
            {"phone": each.phone, "code": each.code, "expires_at": each.expires_at}
            for each in found
        ]
    }
    console.result(document, "\n".join(lines) or nothing.say(console.locale))


def new_codes(
    settings: Settings, database: Database, ended: threading.Event
) -> Iterator[ShownCode]:
    """Give each code once, as it is asked for, until `ended` is set."""
    sealer, seen = Sealer(settings), set[UUID]()
    while not ended.is_set():
        with database.reading() as session:
            found = list(codes_to_show(session, sealer=sealer, now=now_utc()))
        yield from (each for each in found if each.id not in seen)
        # What is no longer shown need not be remembered.
        seen = {each.id for each in found}
        ended.wait(LOOK_EVERY_S)


def code_line(shown: ShownCode) -> Words:
    """Return one code as the console shows it."""
    until = shown.expires_at.astimezone(LOCAL_ZONE).strftime("%H:%M:%S")
    return Words(
        f"登录验证码  {shown.phone}  {shown.code}  （{until} 前有效）",
        f"Sign-in code  {shown.phone}  {shown.code}  (good until {until})",
    )
