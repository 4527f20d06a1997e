"""`bulletins`: count a week, publish it, list what was published, and prove all of it."""

from datetime import datetime

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.bulletins.definitions import HEADLINES, INDICATORS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.indicators import Unit
from schemas.bulletins.issues import draft, publish
from schemas.bulletins.parameters import Parameters, present_parameters
from schemas.bulletins.verifying import Fault, Proof, verify
from schemas.database import now_utc
from schemas.divisions import full_name
from schemas.errors import NotFound
from schemas.settings import Settings
from schemas.tables import BulletinIssue, Staff
from schemas.weeks import Week, read_week, week_of
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, read_calendar
from suishoupai.commands.console import Commands, Console, pass_console

_FAULTS: dict[str, Words] = {
    "chain": Words("前一期的哈希对不上", "the hash of the issue before it does not fit"),
    "method": Words(
        "是用本程序不认识的方法统计的", "it was counted by a method this program does not know"
    ),
    "figures": Words("数字与重新统计的不同", "a figure differs from what is counted anew"),
    "seal": Words("内容与哈希不符", "its content does not fit its hash"),
    "signed": Words(
        "哈希与审计日志记下的不同", "its hash is not the one that the audit log noted at signing"
    ),
    "missing": Words(
        "审计日志记有签发，这一期却不在了", "the audit log knows it was signed, and it is gone"
    ),
}


@click.group(cls=Commands)
def bulletins() -> None:
    """The weekly bulletin: counted, published, proved."""


@bulletins.command("compute")
@click.option("--scope", required=True, help="Division code, e.g. 210100; 000000 is the country.")
@click.option("--week", "name", help="ISO week such as 2026-W47; the present one if not given.")
@pass_console
def compute_one(console: Console, *, scope: str, name: str | None) -> None:
    """Count a week as it is known now and keep it as the draft."""
    settings, now = console.settings(), now_utc()
    week = _week(name, now)
    with console.database(settings) as database, database.writing() as session:
        found = draft(session, week=week, scope=scope, now=now, parameters=parameters_of(settings))
    console.result(found.document(), _text(found, console.locale))


@bulletins.command("publish")
@click.option("--scope", required=True, help="Division code, e.g. 210100; 000000 is the country.")
@click.option("--week", "name", required=True, help="ISO week such as 2026-W46; it must be over.")
@click.option("--signer", required=True, help="Sign-in name of the statistician who signs.")
@pass_console
def publish_one(console: Console, *, scope: str, name: str, signer: str) -> None:
    """Freeze a week's bulletin, signed; a revision where facts came late."""
    settings = console.settings()
    with console.database(settings) as database, database.writing() as session:
        row = publish(
            session,
            week=read_week(name),
            scope=scope,
            signer_id=_staff(session, signer).id,
            now=now_utc(),
            parameters=parameters_of(settings),
        )
    words = Words(
        f"已签发 {row.number}（第 {row.revision} 版），哈希 {row.sha256}。",
        f"Published {row.number} (revision {row.revision}), hash {row.sha256}.",
    )
    console.result(_line(row), words.say(console.locale))


@bulletins.command("list")
@click.option("--scope", help="Only of this division code.")
@pass_console
def list_all(console: Console, *, scope: str | None) -> None:
    """List what was published, the latest first."""
    settings = console.settings()
    query = select(BulletinIssue).order_by(
        BulletinIssue.published_at.desc(), BulletinIssue.sequence.desc()
    )
    with console.database(settings) as database, database.reading() as session:
        rows = session.scalars(
            query.where(BulletinIssue.scope_code == scope) if scope else query
        ).all()
    none = Words("还没有签发过周报。", "No bulletin was published yet.").say(console.locale)
    lines = [f"{row.number}  {row.published_at:%F %T}Z  {row.signer_name}" for row in rows]
    console.result({"issues": [_line(row) for row in rows]}, "\n".join(lines) or none)


@bulletins.command("verify")
@click.option("--scope", help="Only of this division code.")
@pass_console
def verify_all(console: Console, *, scope: str | None) -> None:
    """Count every published issue anew; exit code 1 names the first difference."""
    settings = console.settings()
    with (
        console.database(settings) as database,
        database.reading() as session,
        console.progress(Words("核验周报", "Verifying bulletins")) as tick,
    ):
        proof = verify(session, scope=scope, tick=tick)
    fault = proof.fault
    document = {
        "verified": proof.verified,
        "fault": fault
        and {
            "number": fault.number,
            "kind": fault.kind,
            "path": fault.path,
            "published": fault.published,
            "counted": fault.counted,
        },
    }
    console.result(document, _sentence(proof).say(console.locale))
    if fault:
        raise click.exceptions.Exit(1)


def parameters_of(settings: Settings) -> Parameters:
    """Return what a bulletin is counted with by these settings."""
    file = settings.workdays_file
    return present_parameters(
        small_cell=settings.bulletin_small_cell,
        calendar=read_calendar(file) if file else NO_OVERRIDES,
    )


def _week(name: str | None, now: datetime) -> Week:
    return read_week(name) if name else week_of(now)


def _staff(session: Session, sign_in: str) -> Staff:
    found = session.scalars(select(Staff).where(Staff.sign_in == sign_in)).one_or_none()
    if found is None:
        raise NotFound(
            "staff-unknown",
            Words(f"没有登录名为 {sign_in} 的人员。", f"Nobody has the sign-in name {sign_in}."),
            field="signer",
        )
    return found


def _line(row: BulletinIssue) -> dict[str, object]:
    return {
        "number": row.number,
        "scope": row.scope_code,
        "week": row.week,
        "revision": row.revision,
        "known_at": row.known_at,
        "published_at": row.published_at,
        "signer": row.signer_name,
        "sha256": row.sha256,
    }


def _text(found: Bulletin, locale: str) -> str:
    lines = [f"{full_name(found.scope)} {found.week.name}"]
    for key in HEADLINES:
        indicator, value = INDICATORS[key], found.totals[key]
        shown = "—" if value is None else str(value)
        if value is not None and indicator.unit is Unit.BASIS_POINTS:
            shown = f"{value / 100:.2f} %"
        lines.append(f"  {indicator.words.say(locale)}: {shown}")
    return "\n".join(lines)


def _sentence(proof: Proof) -> Words:
    if proof.fault is None:
        return Words(
            f"{proof.verified} 期周报全部核验无误。",
            f"All {proof.verified} issues were counted anew and are right.",
        )
    fault: Fault = proof.fault
    said = _FAULTS[fault.kind]
    return Words(
        f"{fault.number} 有误：{said.zh}。位置 {fault.path}：签发的是 {fault.published}，"
        f"重新得到 {fault.counted}。此前 {proof.verified} 期无误。",
        f"{fault.number} is wrong: {said.en}. At {fault.path}: published {fault.published}, "
        f"found {fault.counted}. The {proof.verified} before it are right.",
    )
