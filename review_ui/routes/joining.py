"""Invitations of riders: the list, a new one, its poster to print, its end; page and API."""

from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from intake.drawing import qr_code
from intake.identity.invitations import MAX_DAYS, MAX_RIDERS
from review_ui import joining as core
from review_ui.access.scope import units_within
from review_ui.presenting import say
from review_ui.room import moment, person, room
from schemas.access import Right
from schemas.errors import Conflict, InvalidInput, SuishoupaiError
from schemas.sealing import Sealer
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.problems import status_of
from schemas.wire.riders import InvitationList as Listed
from schemas.wire.riders import InvitationMade, InvitationRequest, StaffInvitation
from schemas.words import Words

joining = Blueprint("joining", __name__, url_prefix="/invitations")
joining_api = Blueprint("joining_api", __name__, url_prefix="/api/v1/invitations")
_INVITATION = Given("invitation_id", "path", "the invitation's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}


@joining.get("")
@enters(Entry.INVITE_RIDERS)
def list_invitations() -> str:
    """Show the invitations of the person's trees."""
    return _page()


@joining.post("")
@enters(Entry.INVITE_RIDERS)
def make_invitation() -> Response:
    """Make an invitation and show its poster."""
    form = asked.form
    try:
        with room().database.writing() as db:
            made = core.invite(
                db,
                sealer=Sealer(room().settings),
                staff=person(),
                unit=form.get("unit", ""),
                platform=form.get("platform", ""),
                station=form.get("station", ""),
                days=_number(form.get("days", "")),
                riders=_number(form.get("riders", "")),
                now=moment(),
            )
    except InvalidInput as error:
        return _refused(error)
    return make_response(redirect(url_for("joining.show_poster", invitation_id=made.id), 303))


@joining.get("/<uuid:invitation_id>")
@enters(Entry.INVITE_RIDERS)
def show_poster(invitation_id: UUID) -> str:
    """Show an invitation as it is hung up: its QR, large, and what a rider has to do."""
    with room().database.writing() as db:
        poster = core.find_poster(db, invitation_id=invitation_id, staff=person(), now=moment())
        address = _address(db, poster)
        return render_template(
            "invitation.html",
            poster=poster,
            qr=qr_code(address) if address else None,
            address=address,
            is_reachable=bool(room().settings.public_url),
        )


@joining.post("/<uuid:invitation_id>/end")
@enters(Entry.INVITE_RIDERS)
def end_invitation(invitation_id: UUID) -> Response:
    """End an invitation before its time."""
    try:
        with room().database.writing() as db:
            core.take_down(db, invitation_id=invitation_id, staff=person(), now=moment())
    except Conflict as error:
        return _refused(error)
    flash(say(Words("邀请码已停用，请把海报撤下。", "It is ended: take the poster down.")))
    return make_response(redirect(url_for("joining.list_invitations"), 303))


@joining_api.get("")
@enters(Entry.INVITE_RIDERS)
@describes(
    Described(
        summary="The invitations of riders of one's own area, and how many joined by each",
        answer=Answered(200, "What stands first, then the newest", Listed),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the invitations."""
    with room().database.reading() as db:
        posters = core.invitations_of(db, staff=person(), now=moment())
        return as_json(Listed(items=[_answer(each) for each in posters]))


@joining_api.post("")
@enters(Entry.INVITE_RIDERS)
@describes(
    Described(
        summary="Make an invitation for a unit of one's own area",
        body=InvitationRequest,
        answer=Answered(201, "The invitation, with the address for its QR", InvitationMade),
        refusals={
            **_AWAY,
            400: "body-unreadable",
            413: "too-large",
            415: "content-type-unsupported",
            422: "unit-unknown, unit-ambiguous, rider-field-missing, rider-field-invalid, "
            "number-out-of-range, field-unknown, field-missing, value-invalid",
        },
        security=("staff",),
    )
)
def make_by_program() -> Response:
    """Make an invitation."""
    wanted = read_body(InvitationRequest)
    with room().database.writing() as db:
        made = core.invite(
            db,
            sealer=Sealer(room().settings),
            staff=person(),
            unit=wanted.unit.replace("\0", ""),
            platform=wanted.platform,
            station=wanted.station,
            days=wanted.days,
            riders=wanted.riders,
            now=moment(),
        )
        poster = core.find_poster(db, invitation_id=made.id, staff=person(), now=moment())
        shown = InvitationMade(**_answer(poster).model_dump(), address=_address(db, poster))
    return as_json(shown, 201)


@joining_api.post("/<uuid:invitation_id>/end")
@enters(Entry.INVITE_RIDERS)
@describes(
    Described(
        summary="End an invitation before its time",
        given=(_INVITATION,),
        answer=Answered(200, "The invitation as it is now", StaffInvitation),
        refusals={**_AWAY, 409: "invitation-ended"},
        security=("staff",),
    )
)
def end_by_program(invitation_id: UUID) -> Response:
    """End an invitation."""
    with room().database.writing() as db:
        core.take_down(db, invitation_id=invitation_id, staff=person(), now=moment())
        poster = core.find_poster(db, invitation_id=invitation_id, staff=person(), now=moment())
        return as_json(_answer(poster))


def _address(db: Session, poster: core.Poster) -> str:
    return core.join_address(
        db,
        sealer=Sealer(room().settings),
        poster=poster,
        origin=room().settings.rider_address,
        staff=person(),
    )


def _answer(poster: core.Poster) -> StaffInvitation:
    row = poster.row
    return StaffInvitation(
        id=row.id,
        unit=poster.unit.name,
        platform=row.platform,
        station=row.station,
        expires_at=row.expires_at,
        riders=row.allowed,
        joined=row.used,
        stands=poster.stands,
    )


def _number(text: str) -> int:
    plain = text.strip()
    # What is no number is as far out of range as 0, and is refused with its words.
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 9 else 0


def _refused(error: SuishoupaiError) -> Response:
    room().metrics.observe_refusal(error.code)
    return make_response(_page(refusal=error), status_of(error))


def _page(*, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        posters = core.invitations_of(db, staff=person(), now=moment())
        units = units_within(db, paths=person().paths(Right.INVITE_RIDERS))
        return render_template(
            "invitations.html",
            posters=posters,
            units=units,
            now=moment(),
            most_days=MAX_DAYS,
            most_riders=MAX_RIDERS,
            typed=asked.form,
            refusal=refusal,
        )
