"""Preparing a draw, drawing it, and reading what was drawn.

A list, a size and the hash of a secret seed are committed to first; somebody else draws
later, and with that the seed is shown. Both steps are in the audit log, so that a row that was
altered is found (schemas.draws.verifying).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schemas import audit
from schemas.draws.algorithm import (
    Item,
    as_text,
    drawn_from,
    items_of,
    lines_of,
    new_seed,
    read_item,
    sha256,
)
from schemas.errors import Conflict, InvalidInput, NotAllowed, NotFound
from schemas.sealing import Sealer
from schemas.tables import Draw, DrawFrame, DrawResult, DrawSeed, Unit
from schemas.words import Words

PREPARED, DRAWN = "draw_prepared", "draw_made"
SUBJECT = "draw"
# Nothing that a shell or the form of a ticket could take for something else.
_PUBLIC_VALUE = re.compile(r"[0-9A-Za-z+,.: -]{1,80}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be drawn: `tickets` is the canonical text of the list."""

    unit_id: UUID
    kind: str
    origin: str
    tickets: str
    title: str
    size: int
    public_source: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, in the order of the draw."""

    id: UUID
    unit_id: UUID
    title: str
    attempt: int
    kind: str
    items: tuple[Item, ...]
    drawn_at: datetime


def find_draw(session: Session, draw_id: UUID) -> Drawn:
    """Return what was drawn.

    Raises NotFound `draw-unknown`, Conflict `draw-not-drawn` for one that was only prepared.
    Whose it is to see is for the caller to look at (`unit_id`).
    """
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise NotFound("draw-unknown", Words("没有这次抽取。", "There is no such draw."))
    result = session.get(DrawResult, draw_id)
    if result is None:
        raise Conflict(
            "draw-not-drawn",
            Words(
                "这次抽取还没有进行，请先由另一人抽取。",
                "Nothing was drawn yet: somebody else has to draw first.",
            ),
        )
    return Drawn(
        id=draw.id,
        unit_id=draw.unit_id,
        title=draw.title,
        attempt=draw.attempt,
        kind=session.get_one(DrawFrame, draw.frame_id).kind,
        items=tuple(read_item(each) for each in lines_of(result.drawn)),
        drawn_at=result.drawn_at,
    )


def prepare(session: Session, *, plan: Plan, staff_id: UUID, sealer: Sealer, now: datetime) -> Draw:
    """Commit to a list, a size and a seed that nobody has seen; the seed stays sealed.

    Raises InvalidInput `draw-title-missing` or `draw-size-invalid`, Conflict `draw-waiting`
    while another draw from the same list waits.
    """
    title = _line(plan.title)[:120]
    if not title:
        raise InvalidInput(
            "draw-title-missing", Words("请写明用途。", "Say what it is for."), field="title"
        )
    items = len(items_of(plan.tickets))
    if not 1 <= plan.size <= items:
        raise InvalidInput(
            "draw-size-invalid",
            Words(f"抽取家数请填 1 到 {items}。", f"Give a number from 1 to {items}."),
            field="size",
        )
    frame = _frame(session, plan, items, staff_id, now)
    seed = new_seed()
    draw = Draw(
        frame_id=frame.id,
        unit_id=plan.unit_id,
        attempt=_next_attempt(session, frame),
        title=title,
        size=plan.size,
        public_source=_line(plan.public_source)[:200],
        commitment=sha256(seed),
        prepared_by=staff_id,
        prepared_at=now,
    )
    session.add(draw)
    session.flush()
    session.add(DrawSeed(draw_id=draw.id, sealed_seed=sealer.seal(seed)))
    _note(session, PREPARED, draw.id, staff_id, prepared_facts(draw, frame.sha256))
    session.flush()
    return draw


def draw_now(
    session: Session,
    *,
    draw_id: UUID,
    staff_id: UUID,
    public_value: str,
    sealer: Sealer,
    now: datetime,
) -> DrawResult:
    """Draw, and show the seed; the public value is the one that the draw said it would take.

    Raises NotFound, NotAllowed `draw-same-person` for who prepared it, InvalidInput
    `draw-public-value-invalid`, Conflict `draw-done`.
    """
    draw = session.get(Draw, draw_id)
    if draw is None:
        raise NotFound("draw-unknown", Words("没有这次抽取。", "There is no such draw."))
    if draw.prepared_by == staff_id:
        raise NotAllowed(
            "draw-same-person",
            Words(
                "准备名单的人不能抽取，请另一位同事抽取。",
                "Who prepared the list does not draw: a colleague has to.",
            ),
        )
    kept = session.get(DrawSeed, draw_id, with_for_update=True, populate_existing=True)
    if kept is None:
        raise Conflict("draw-done", Words("已经抽取过了。", "It was drawn before."))
    value = _public_value(draw, public_value)
    seed = str(sealer.open(kept.sealed_seed))
    frame = session.get_one(DrawFrame, draw.frame_id)
    items = drawn_from(frame.tickets, seed=seed, public_value=value, size=draw.size)
    result = DrawResult(
        draw_id=draw.id,
        seed=seed,
        public_value=value,
        drawn=as_text(items),
        drawn_by=staff_id,
        drawn_at=now,
    )
    session.add(result)
    session.delete(kept)
    _note(session, DRAWN, draw.id, staff_id, drawn_facts(result))
    session.flush()
    return result


def prepared_facts(draw: Draw, frame_sha256: str) -> dict[str, object]:
    """Return what the audit log keeps of a draw that was prepared."""
    return {
        "frame_sha256": frame_sha256,
        "attempt": draw.attempt,
        "size": draw.size,
        "commitment": draw.commitment,
        "public_source": draw.public_source,
    }


def drawn_facts(result: DrawResult) -> dict[str, object]:
    """Return what the audit log keeps of what was drawn."""
    return {
        "seed": result.seed,
        "public_value": result.public_value,
        "drawn_sha256": sha256(result.drawn),
    }


def _frame(session: Session, plan: Plan, items: int, staff_id: UUID, now: datetime) -> DrawFrame:
    # One at a time in a unit, so that a list has one row and its draws are numbered in
    # turn. FOR NO KEY UPDATE: a plain FOR UPDATE would hold up every new case of the unit.
    session.scalars(
        select(Unit.id).where(Unit.id == plan.unit_id).with_for_update(key_share=True)
    ).one()
    hashed = sha256(plan.tickets)
    frame = session.scalars(
        select(DrawFrame).where(DrawFrame.unit_id == plan.unit_id, DrawFrame.sha256 == hashed)
    ).one_or_none()
    if frame is None:
        frame = DrawFrame(
            unit_id=plan.unit_id,
            kind=plan.kind,
            origin=plan.origin[:200],
            tickets=plan.tickets,
            sha256=hashed,
            item_count=items,
            made_by=staff_id,
            made_at=now,
        )
        session.add(frame)
        session.flush()
    return frame


def _next_attempt(session: Session, frame: DrawFrame) -> int:
    waits = session.scalar(
        select(func.count())
        .select_from(Draw)
        .join(DrawSeed, DrawSeed.draw_id == Draw.id)
        .where(Draw.frame_id == frame.id)
    )
    if waits:
        raise Conflict(
            "draw-waiting",
            Words(
                "同一份名单已有一次抽取在等待，请先抽取那一次。",
                "A draw from this very list waits: that one has to be drawn first.",
            ),
        )
    last = session.scalar(select(func.max(Draw.attempt)).where(Draw.frame_id == frame.id))
    return (last or 0) + 1


def _public_value(draw: Draw, text: str) -> str:
    value = _line(text)
    if not draw.public_source and not value:
        return ""
    if not draw.public_source or not _PUBLIC_VALUE.fullmatch(value):
        raise InvalidInput(
            "draw-public-value-invalid",
            Words(
                "请照公布的原样填写公开数（数字、字母、空格，最多 80 字）；"
                "准备时没有约定公开数的，请留空。",
                "Give the public value as it was published (digits, letters, spaces, 80 at most); "
                "leave it empty where none was agreed when the draw was prepared.",
            ),
            field="public_value",
        )
    return value


def _line(text: str) -> str:
    return " ".join(text.replace("\0", "").split())


def _note(
    session: Session, action: str, draw_id: UUID, staff_id: UUID, after: dict[str, object]
) -> None:
    actor = audit.Actor("staff", staff_id)
    audit.record(session, actor=actor, action=action, subject=(SUBJECT, draw_id), after=after)
