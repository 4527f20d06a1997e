"""`evidence`: take the package of a case, and check one."""

import os
from pathlib import Path

import click
from sqlalchemy import select

from intake.photos import make_store
from review_ui.evidence.evidence_check import FAULTS, Checked, check_log, check_package
from review_ui.evidence.packages import note_taken, prepare_package
from schemas.database import now_utc
from schemas.errors import InvalidInput, NotFound
from schemas.numbers import CASE_PREFIX, read_number
from schemas.tables import Case
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, read_calendar
from suishoupai.commands.console import Commands, Console, pass_console


@click.group(cls=Commands)
def evidence() -> None:
    """Evidence packages: take one, check one."""


@evidence.command()
@click.argument("number")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_console
def export(console: Console, *, number: str, file: Path) -> None:
    """Write the evidence package of case NUMBER to FILE, which must not exist."""
    settings = console.settings()
    if file.exists():
        raise InvalidInput(
            "file-exists",
            Words(f"{file} 已存在，不覆盖。", f"{file} exists and is not overwritten."),
            field="FILE",
        )
    calendar = read_calendar(settings.workdays_file) if settings.workdays_file else NO_OVERRIDES
    with console.database(settings) as database:
        with database.reading() as session:
            canonical = read_number(CASE_PREFIX, number)
            case = session.scalars(select(Case).where(Case.number == canonical)).one_or_none()
            if case is None:
                raise NotFound(
                    "number-unknown",
                    Words(f"没有编号为 {canonical} 的案件。", f"There is no case {canonical}."),
                    field="number",
                )
            package = prepare_package(
                session,
                case=case,
                store=make_store(settings),
                made_by="suishoupai evidence export",
                now=now_utc(),
                calendar=calendar,
            )
        with database.writing() as session:
            note_taken(session, package=package, staff=None)
    fresh = file.with_name(f".{file.name}.part")
    try:
        with fresh.open("wb") as out:
            for piece in package.open():
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    finally:
        fresh.unlink(missing_ok=True)
    console.note(
        Words(
            "照片原件的元数据可能让人认出举报人：只交给司法机关和办案人员。",
            "The originals' metadata may tell who reported: for courts and case officers only.",
        )
    )
    words = Words(
        f"证据包已写入 {file}，清单的 SHA-256：{package.manifest_sha256}",
        f"The package is in {file}; SHA-256 of its manifest: {package.manifest_sha256}",
    )
    console.result(
        {
            "file": file,
            "photos": len(package.photos),
            "manifest_sha256": package.manifest_sha256,
        },
        words.say(console.locale),
    )


@evidence.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--with-log", is_flag=True, help="Ask this product's audit log whether it made it.")
@pass_console
def verify(console: Console, *, file: Path, with_log: bool) -> None:
    """Check a package; exit code 1 names what does not fit."""
    checked = check_package(file)
    faults = list(checked.faults)
    if with_log:
        settings = console.settings()
        with console.database(settings) as database, database.reading() as session:
            stranger = check_log(session, checked=checked)
        faults += [stranger] if stranger else []
    lines = [
        Words(f"{each.name}：{FAULTS[each.code].zh}", f"{each.name} {FAULTS[each.code].en}")
        for each in faults
    ] or [_whole(checked)]
    document = {
        "whole": not faults,
        "case": checked.number,
        "files": checked.files,
        "manifest_sha256": checked.manifest_sha256,
        "faults": [{"code": each.code, "file": each.name} for each in faults],
    }
    console.result(document, "\n".join(line.say(console.locale) for line in lines))
    if faults:
        raise click.exceptions.Exit(1)


def _whole(checked: Checked) -> Words:
    return Words(
        f"案件 {checked.number} 的证据包完整：{checked.files} 个文件与 SHA256SUMS 一致。"
        f"清单的 SHA-256：{checked.manifest_sha256}",
        f"The package of case {checked.number} is whole: {checked.files} files fit SHA256SUMS. "
        f"SHA-256 of its manifest: {checked.manifest_sha256}",
    )
