"""`retention`: erase what is kept long enough, and hold what a case still needs."""

import click

from intake.riders.erasure import count_due, hold_case, release_case
from schemas import audit
from schemas.database import now_utc
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, pass_console
from workers.nightly import erase_due


@click.group(cls=Commands)
def retention() -> None:
    """Erase sealed data when its time is over; hold what a case still needs."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say what would be erased, and erase nothing.")
@pass_console
def run(console: Console, *, dry_run: bool) -> None:
    """Erase the sealed data of riders who were not heard of for RETENTION_YEARS."""
    settings = console.settings()
    now, years = now_utc(), settings.retention_years
    with console.database(settings) as database:
        if dry_run:
            with database.reading() as session:
                erased = count_due(session, now=now, years=years)
        else:
            erased = erase_due(database, now=now, years=years, actor=audit.OPERATOR)
    words = Words(
        f"{'将删除' if dry_run else '已删除'} {erased} 名骑手的个人信息（{years} 年没有举报）。",
        f"{erased} riders' data {'would be' if dry_run else 'was'} erased "
        f"(nothing heard of them for {years} years).",
    )
    console.result(
        {"riders": erased, "years": years, "dry_run": dry_run}, words.say(console.locale)
    )


@retention.command()
@click.argument("number")
@click.option("--reason", required=True)
@pass_console
def hold(console: Console, *, number: str, reason: str) -> None:
    """Put a legal hold on a case: its reporters' sealed data is kept."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        hold_case(session, number=number, reason=reason, actor=audit.OPERATOR)
    words = Words("案件的个人信息将一直保留。", "The case's personal data is kept from now on.")
    console.result({"held": True}, words.say(console.locale))


@retention.command()
@click.argument("number")
@click.option("--reason", default="", help="Why it is no longer needed; kept in the audit log.")
@pass_console
def release(console: Console, *, number: str, reason: str) -> None:
    """End the legal hold on a case."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        release_case(
            session,
            number=number,
            reason=" ".join(reason.split()),
            now=now_utc(),
            actor=audit.OPERATOR,
        )
    console.result({"held": False}, Words("已解除保留。", "The hold is ended.").say(console.locale))
