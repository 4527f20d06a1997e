"""Random draws for visits (随机访餐厅): prepared by one, drawn by another, checked by anybody."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.doorway import Entry, enters
from review_ui.access.scope import unit_by_text, units_within
from review_ui.presenting import say
from review_ui.rewards.offers import read_number
from review_ui.risk import drawing as core
from review_ui.risk.drawing import Shown, Wish
from review_ui.risk.lists import SOURCE_NAMES, Source
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.draws.checking import commands
from schemas.errors import Conflict, InvalidInput, NotAllowed, SuishoupaiError
from schemas.sealing import Sealer
from schemas.wire.problems import status_of
from schemas.words import Words

draws = Blueprint("draws", __name__, url_prefix="/draws")
_REFUSED = (InvalidInput, Conflict, NotAllowed)


@draws.get("")
@enters(Entry.SEE_CASES)
def list_draws() -> str:
    """Show all draws of the person's trees, those that were drawn again too."""
    with room().database.reading() as db:
        rows = core.draws_of(db, staff=person())
    return render_template("draws.html", rows=rows, **_words())


@draws.get("/new")
@enters(Entry.WORK_CASES)
def ask_draw() -> str:
    """Ask from what, how many and what for."""
    return _form()


@draws.post("")
@enters(Entry.WORK_CASES)
def prepare() -> Response:
    """Commit to a list, a size and a seed."""
    form = asked.form
    try:
        with room().database.writing() as db:
            unit = unit_by_text(
                db, paths=person().paths(Right.WORK_CASES), text=form.get("unit", "")
            )
            source = form.get("source", "")
            wish = Wish(
                unit=unit,
                source=Source(source) if source in set(Source) else Source.LIST,
                text=_sent_list(),
                title=form.get("title", ""),
                size=read_number(form.get("size", ""), "size"),
                weighted=bool(form.get("weighted")),
                public_source=form.get("public_source", ""),
            )
            draw_id = core.prepare_for(
                db,
                wish=wish,
                staff=person(),
                sealer=Sealer(room().settings),
                now=moment(),
                today=today(),
            ).id
    except _REFUSED as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_form(refusal=error), status_of(error))
    return _back(
        draw_id,
        Words(
            "已准备好，种子已封存。请另一位同事抽取。",
            "It is prepared and the seed is sealed. A colleague draws.",
        ),
    )


@draws.get("/<uuid:draw_id>")
@enters(Entry.SEE_CASES)
def show_draw(draw_id: UUID) -> str:
    """Show a draw: list, hashes, seed and result, and how to check it."""
    return _page(draw_id)


@draws.post("/<uuid:draw_id>/draw")
@enters(Entry.WORK_CASES)
def draw(draw_id: UUID) -> Response:
    """Draw."""
    try:
        with room().database.writing() as db:
            core.draw_for(
                db,
                draw_id=draw_id,
                staff=person(),
                public_value=asked.form.get("public_value", ""),
                sealer=Sealer(room().settings),
                now=moment(),
            )
    except _REFUSED as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(draw_id, refusal=error), status_of(error))
    return _back(draw_id, Words("已抽取，种子已公开。", "It is drawn, and the seed is shown."))


@draws.get("/<uuid:draw_id>/list.txt")
@enters(Entry.SEE_CASES)
def download_list(draw_id: UUID) -> Response:
    """Send the list that is drawn from, byte for byte as it was hashed."""
    with room().database.reading() as db:
        return list_answer(core.find_shown(db, draw_id=draw_id, staff=person()))


def list_answer(found: Shown) -> Response:
    """Return a draw's list as a file."""
    answer = Response(found.frame.tickets.encode(), content_type="text/plain; charset=utf-8")
    answer.headers["Content-Disposition"] = f"attachment; filename={_file_of(found)}"
    return answer


def _file_of(found: Shown) -> str:
    return f"list-{found.frame.sha256[:12]}.txt"


def _sent_list() -> str:
    """Return the list that was uploaded, else the one that was pasted."""
    sent = asked.files.get("file")
    data = sent.read() if sent and sent.filename else b""
    if not data:
        return asked.form.get("text", "")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidInput(
        "draw-list-unreadable",
        Words(
            "名单文件读不懂，请存成 CSV（UTF-8 或 GB18030）。",
            "The file can't be read: save it as CSV (UTF-8 or GB18030).",
        ),
        field="file",
    )


def _form(*, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        units = units_within(db, paths=person().paths(Right.WORK_CASES))
    typed: dict[str, Any] = asked.form if asked.method == "POST" else asked.args
    return render_template("draw_new.html", units=units, typed=typed, refusal=refusal, **_words())


def _page(draw_id: UUID, *, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        found = core.find_shown(db, draw_id=draw_id, staff=person())
        again = _others(db, found)
    check = (
        commands(
            seed=found.result.seed,
            public_value=found.result.public_value,
            size=found.draw.size,
            file=_file_of(found),
        )
        if found.result
        else ""
    )
    return render_template(
        "draw.html",
        found=found,
        items=found.items[: core.SHOWN],
        others=again,
        check=check,
        refusal=refusal,
        may_draw=found.result is None and found.draw.prepared_by != person().staff_id,
        may_campaign=found.result is not None
        and found.unit.path.startswith(person().paths(Right.RUN_CAMPAIGNS)),
        **_words(),
    )


def _others(session: Session, found: Shown) -> list[Shown]:
    """Return all draws from the same list, this one too, in their order."""
    rows = core.draws_of(session, staff=person(), frame_id=found.frame.id)
    return sorted(rows, key=lambda each: each.draw.attempt)


def _words() -> dict[str, Callable[[str], Words] | dict[Source, Words]]:
    return {"sources": SOURCE_NAMES, "source_words": lambda kind: SOURCE_NAMES[Source(kind)]}


def _back(draw_id: UUID, words: Words) -> Response:
    flash(say(words))
    return make_response(redirect(url_for("draws.show_draw", draw_id=draw_id), 303))
