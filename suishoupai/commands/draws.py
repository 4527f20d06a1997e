"""`draws`: list the random draws, and do each again."""

from uuid import UUID

import click
from sqlalchemy import select

from schemas.draws.verifying import Difference, Proof, verify
from schemas.errors import NotFound
from schemas.tables import Draw, DrawFrame, DrawResult
from schemas.words import Words
from suishoupai.commands.console import Commands, Console, pass_console

_NAMES: dict[str, Words] = {
    "frame": Words("名单与它的哈希不符", "the list does not fit its hash"),
    "items": Words("名单的家数不对", "the list's number of entries is wrong"),
    "attempt": Words("第几次抽取的编号不连续", "the number of the draw does not follow"),
    "commitment": Words("种子与事先公布的哈希不符", "the seed does not fit the hash shown before"),
    "drawn": Words("抽中的与重算的不同", "what was drawn differs from what is reckoned"),
    "seed_kept": Words("抽取后种子仍封存着", "the sealed seed is still there after the drawing"),
    "logged": Words("与审计日志记下的不同", "the audit log noted something else"),
    "missing": Words("审计日志记有这次抽取，却已不在", "the audit log knows of it, and it is gone"),
}


@click.group(cls=Commands)
def draws() -> None:
    """Random draws: listed and done again."""


@draws.command("list")
@pass_console
def list_all(console: Console) -> None:
    """List the draws, the last prepared first."""
    settings = console.settings()
    with console.database(settings) as database, database.reading() as session:
        rows = session.execute(
            select(Draw, DrawFrame.sha256, DrawResult.drawn_at)
            .join(DrawFrame, DrawFrame.id == Draw.frame_id)
            .outerjoin(DrawResult, DrawResult.draw_id == Draw.id)
            .order_by(Draw.prepared_at.desc(), Draw.id)
        ).all()
    none = Words("还没有抽取过。", "Nothing was drawn yet.").say(console.locale)
    lines = [
        f"{draw.id}  {draw.prepared_at:%F %T}Z  {sha256[:12]} #{draw.attempt}  {draw.title}"
        for draw, sha256, _ in rows
    ]
    document = {
        "draws": [
            {
                "id": draw.id,
                "title": draw.title,
                "list_sha256": sha256,
                "attempt": draw.attempt,
                "size": draw.size,
                "commitment": draw.commitment,
                "prepared_at": draw.prepared_at,
                "drawn_at": drawn_at,
            }
            for draw, sha256, drawn_at in rows
        ]
    }
    console.result(document, "\n".join(lines) or none)


@draws.command("verify")
@click.argument("draw_id", required=False, type=click.UUID)
@pass_console
def verify_all(console: Console, *, draw_id: UUID | None) -> None:
    """Do every draw again, or the one with DRAW_ID; exit code 1 names the first difference."""
    settings = console.settings()
    with (
        console.database(settings) as database,
        database.reading() as session,
        console.progress(Words("核验抽取", "Verifying draws")) as tick,
    ):
        proof = verify(session, draw_id=draw_id, tick=tick)
    if draw_id and not proof.verified and not proof.difference:
        raise NotFound(
            "draw-unknown", Words("没有这次抽取。", "There is no such draw."), field="draw_id"
        )
    difference = proof.difference
    document = {
        "verified": proof.verified,
        "difference": difference
        and {
            "draw": difference.draw_id,
            "what": difference.what,
            "kept": str(difference.kept),
            "found": str(difference.found),
        },
    }
    console.result(document, _sentence(proof).say(console.locale))
    if difference:
        raise click.exceptions.Exit(1)


def _sentence(proof: Proof) -> Words:
    if proof.difference is None:
        return Words(
            f"{proof.verified} 次抽取全部重算无误。",
            f"All {proof.verified} draws were done again and are right.",
        )
    found: Difference = proof.difference
    kind, _, place = found.what.partition(" ")
    said = _NAMES[kind]
    zh, en = (f"（第 {place} 家）", f" (entry {place})") if place else ("", "")
    return Words(
        f"抽取 {found.draw_id} 有误：{said.zh}{zh}。存的是 {found.kept}，应为 {found.found}。"
        f"此前 {proof.verified} 次无误。",
        f"Draw {found.draw_id} is wrong: {said.en}{en}. Kept {found.kept}, should be "
        f"{found.found}. The {proof.verified} before it are right.",
    )
