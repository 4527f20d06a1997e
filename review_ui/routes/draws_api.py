"""Random draws for programs."""

from uuid import UUID

from flask import Blueprint, Response

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.access.scope import unit_by_text
from review_ui.risk import drawing as core
from review_ui.risk.drawing import Shown, Wish
from review_ui.risk.lists import Source
from review_ui.room import moment, person, room, today
from review_ui.routes.draws import list_answer
from schemas.access import Right
from schemas.sealing import Sealer
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.risk import DrawAnswer, DrawingRequest, DrawList, DrawnItem, DrawRequest

draws_api = Blueprint("draws_api", __name__, url_prefix="/api/v1/draws")
_DRAW = Given("draw_id", "path", "the draw's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_FIELDS = "field-unknown, field-missing, value-invalid"


@draws_api.get("")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The random draws of one's own area",
        answer=Answered(200, "The draws, the last prepared first", DrawList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the draws."""
    with room().database.reading() as db:
        rows = core.draws_of(db, staff=person())
    return as_json(DrawList(items=[_answer(each) for each in rows]))


@draws_api.post("")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Prepare a draw: commit to a list, a size and a seed that nobody has seen",
        body=DrawRequest,
        answer=Answered(201, "The draw, which somebody else has to draw", DrawAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            409: "draw-waiting",
            422: "unit-unknown, unit-ambiguous, draw-list-empty, draw-list-long, "
            f"draw-list-unreadable, draw-title-missing, draw-size-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def prepare_by_program() -> Response:
    """Prepare a draw."""
    wanted = read_body(DrawRequest)
    with room().database.writing() as db:
        paths = person().paths(Right.WORK_CASES)
        wish = Wish(
            unit=unit_by_text(db, paths=paths, text=wanted.unit.replace("\0", "")),
            source=Source(wanted.source),
            text=wanted.text,
            title=wanted.title,
            size=wanted.size,
            weighted=wanted.weighted,
            public_source=wanted.public_source,
        )
        draw = core.prepare_for(
            db,
            wish=wish,
            staff=person(),
            sealer=Sealer(room().settings),
            now=moment(),
            today=today(),
        )
        return as_json(_answer(core.find_shown(db, draw_id=draw.id, staff=person())), 201)


@draws_api.get("/<uuid:draw_id>")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="One draw: its list's hash, its seed and what was drawn",
        given=(_DRAW,),
        answer=Answered(200, "The draw", DrawAnswer),
        refusals=_AWAY,
        security=("staff",),
    )
)
def show_for_program(draw_id: UUID) -> Response:
    """Show a draw."""
    with room().database.reading() as db:
        return as_json(_answer(core.find_shown(db, draw_id=draw_id, staff=person())))


@draws_api.get("/<uuid:draw_id>/list")
@enters(Entry.SEE_CASES)
@describes(
    Described(
        summary="The list of a draw, byte for byte as it was hashed",
        given=(_DRAW,),
        answer=Answered(200, "The list", files=("text/plain; charset=utf-8",)),
        refusals=_AWAY,
        security=("staff",),
    )
)
def show_list(draw_id: UUID) -> Response:
    """Send the list."""
    with room().database.reading() as db:
        return list_answer(core.find_shown(db, draw_id=draw_id, staff=person()))


@draws_api.post("/<uuid:draw_id>/draw")
@enters(Entry.WORK_CASES)
@describes(
    Described(
        summary="Draw what another one prepared, and show the seed",
        body=DrawingRequest,
        given=(_DRAW,),
        answer=Answered(200, "The draw with its result", DrawAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            403: "draw-same-person",
            409: "draw-done",
            422: f"draw-public-value-invalid, {_FIELDS}",
        },
        security=("staff",),
    )
)
def draw_by_program(draw_id: UUID) -> Response:
    """Draw."""
    wanted = read_body(DrawingRequest)
    with room().database.writing() as db:
        core.draw_for(
            db,
            draw_id=draw_id,
            staff=person(),
            public_value=wanted.public_value,
            sealer=Sealer(room().settings),
            now=moment(),
        )
        return as_json(_answer(core.find_shown(db, draw_id=draw_id, staff=person())))


def _answer(found: Shown) -> DrawAnswer:
    draw, result = found.draw, found.result
    drawn = [DrawnItem(key=each.key, name=each.name, address=each.address) for each in found.drawn]
    return DrawAnswer(
        id=draw.id,
        title=draw.title,
        unit=found.unit.name,
        source=Source(found.frame.kind).value,
        attempt=draw.attempt,
        size=draw.size,
        items=found.frame.item_count,
        list_sha256=found.frame.sha256,
        commitment=draw.commitment,
        public_source=draw.public_source,
        prepared_by=found.prepared_by,
        prepared_at=draw.prepared_at,
        seed=result.seed if result else None,
        public_value=result.public_value if result else None,
        drawn=drawn if result else None,
        drawn_by=found.drawn_by,
        drawn_at=result.drawn_at if result else None,
    )
