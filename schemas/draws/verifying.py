"""Does every draw again from what was kept, and names the first difference.

Each draw is held against the audit log too, which has a hash chain of its own
(`verify-audit`): a row that was altered together with all that is reckoned from it, or that
was taken away, is found by what the log noted at the time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from schemas.draws.algorithm import as_text, drawn_from, items_of, lines_of, sha256
from schemas.draws.keeping import DRAWN, PREPARED, SUBJECT, drawn_facts, prepared_facts
from schemas.tables import AuditEntry, Draw, DrawFrame, DrawResult, DrawSeed

_AT_A_TIME = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """What is wrong with a draw: `what` names it, `kept` stands there, `found` should.

    `what`: frame (the list's hash), items (its count), attempt, commitment (the seed's
    hash), drawn (with the number of the item in the order of the draw), seed_kept, logged
    (the audit log says otherwise), missing (the log knows of a draw that is not there).
    """

    draw_id: UUID
    what: str
    kept: object = None
    found: object = None


@dataclass(frozen=True, slots=True)
class Proof:
    """How many draws were found right, and the first that was not, if any."""

    verified: int
    difference: Difference | None


def verify(
    session: Session,
    *,
    draw_id: UUID | None = None,
    tick: Callable[[int, int], None] = lambda _done, _total: None,
) -> Proof:
    """Do all draws again, or one, in the order in which they were prepared."""
    chosen = (Draw.id == draw_id,) if draw_id else ()
    total = session.scalar(select(func.count()).select_from(Draw).where(*chosen)) or 0
    done, after = 0, UUID(int=0)
    query = select(Draw).where(*chosen).order_by(Draw.id).limit(_AT_A_TIME)
    while batch := session.scalars(query.where(Draw.id > after)).all():
        for draw in batch:
            difference = _check(session, draw)
            if difference:
                return Proof(done, difference)
            after, done = draw.id, done + 1
            tick(done, total)
        session.expunge_all()
    return Proof(done, _missing(session, draw_id))


def _check(session: Session, draw: Draw) -> Difference | None:
    frame = session.get(DrawFrame, draw.frame_id)
    if frame is None:
        return Difference(draw.id, "frame", None, draw.frame_id)
    result = session.get(DrawResult, draw.id)
    earlier = session.scalar(
        select(func.count())
        .select_from(Draw)
        .where(Draw.frame_id == draw.frame_id, Draw.attempt < draw.attempt)
    )
    pairs: list[tuple[str, object, object]] = [
        ("frame", frame.sha256, sha256(frame.tickets)),
        ("items", frame.item_count, len(items_of(frame.tickets))),
        ("attempt", draw.attempt, (earlier or 0) + 1),
    ]
    if result:
        pairs += [
            ("commitment", draw.commitment, sha256(result.seed)),
            *_drawn(draw, frame, result),
            ("seed_kept", session.get(DrawSeed, draw.id) is not None, False),
        ]
    pairs += _logged(session, draw, frame, result)
    for what, kept, found in pairs:
        if kept != found:
            return Difference(draw.id, what, kept, found)
    return None


def _drawn(draw: Draw, frame: DrawFrame, result: DrawResult) -> list[tuple[str, object, object]]:
    again = drawn_from(
        frame.tickets, seed=result.seed, public_value=result.public_value, size=draw.size
    )
    kept = lines_of(result.drawn)
    length = max(len(kept), len(again))
    pairs: list[tuple[str, object, object]] = [
        (f"drawn {place + 1}", _at(kept, place), _at(again, place)) for place in range(length)
    ]
    # The text itself: lines that are alike may stand in a text that is not.
    return [*pairs, ("drawn", result.drawn, as_text(again))]


def _at(items: list[str] | tuple[str, ...], place: int) -> str | None:
    return items[place] if place < len(items) else None


def _logged(
    session: Session, draw: Draw, frame: DrawFrame, result: DrawResult | None
) -> list[tuple[str, object, object]]:
    rows = session.execute(
        select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.after).where(
            AuditEntry.subject_id == draw.id, AuditEntry.subject_kind == SUBJECT
        )
    ).all()
    found = {
        action: [(actor, facts) for name, actor, facts in rows if name == action]
        for action in (PREPARED, DRAWN)
    }
    expected = [(draw.prepared_by, prepared_facts(draw, frame.sha256))]
    drawn = [(result.drawn_by, drawn_facts(result))] if result else []
    return [("logged", expected, found[PREPARED]), ("logged", drawn, found[DRAWN])]


def _missing(session: Session, draw_id: UUID | None) -> Difference | None:
    chosen = (AuditEntry.subject_id == draw_id,) if draw_id else ()
    gone = session.scalars(
        select(AuditEntry.subject_id)
        .where(
            AuditEntry.action == PREPARED,
            AuditEntry.subject_kind == SUBJECT,
            ~exists().where(Draw.id == AuditEntry.subject_id),
            *chosen,
        )
        .order_by(AuditEntry.recorded_at, AuditEntry.id)
        .limit(1)
    ).first()
    return Difference(gone, "missing") if gone else None
