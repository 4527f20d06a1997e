"""Campaigns in the room: the list, a new one, one with its shops, invitations, its end."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, flash, make_response, redirect, render_template, url_for
from flask import request as asked
from sqlalchemy.orm import Session

from intake.doorway import Entry, enters
from review_ui.access.scope import units_within
from review_ui.campaigns import making as core
from review_ui.campaigns.inviting import Invited, invite
from review_ui.campaigns.looking import Sight, campaigns_within, look_at
from review_ui.campaigns.making import Wish
from review_ui.campaigns.shops import read_shops, shops_of_draw, shops_of_squares
from review_ui.presenting import say
from review_ui.rewards.offers import read_day
from review_ui.room import moment, person, room, today
from schemas.access import Right
from schemas.campaigns import (
    FEWEST_RIDERS,
    KIND_NAMES,
    MOST_SHOPS,
    OBSTACLES,
    REJECTIONS,
    STATE_NAMES,
)
from schemas.errors import Conflict, InvalidInput, SuishoupaiError
from schemas.places import Datum
from schemas.sealing import Sealer
from schemas.taxonomy import CATEGORIES
from schemas.wire.problems import status_of
from schemas.words import Words

campaigns = Blueprint("campaigns", __name__, url_prefix="/campaigns")
MOST_CSV_BYTES = 256 * 1024


@campaigns.get("")
@enters(Entry.RUN_CAMPAIGNS)
def list_campaigns() -> str:
    """Show the campaigns of the person's trees; `draw` and `square` fill in where to go."""
    return _list_page()


@campaigns.post("")
@enters(Entry.RUN_CAMPAIGNS)
def make_campaign() -> Response:
    """Make a campaign."""
    try:
        with room().database.writing() as db:
            made = core.make_campaign(db, staff=person(), wish=_wish(), now=moment())
    except InvalidInput as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_list_page(refusal=error), status_of(error))
    flash(say(Words("活动已建立。接着邀请监督员。", "The campaign is made. Now ask supervisors.")))
    return make_response(redirect(url_for("campaigns.show_campaign", campaign_id=made.id), 303))


@campaigns.get("/<uuid:campaign_id>")
@enters(Entry.RUN_CAMPAIGNS)
def show_campaign(campaign_id: UUID) -> str:
    """Show one campaign."""
    return _page(campaign_id)


@campaigns.post("/<uuid:campaign_id>/invitations")
@enters(Entry.RUN_CAMPAIGNS)
def ask_supervisors(campaign_id: UUID) -> Response:
    """Ask supervisors to take part."""

    def work(db: Session) -> Words:
        return _asked(
            invite(
                db,
                sealer=Sealer(room().settings),
                campaign_id=campaign_id,
                staff=person(),
                numbers=asked.form.get("numbers", ""),
                station=asked.form.get("station", ""),
                now=moment(),
            )
        )

    return _done(campaign_id, work)


@campaigns.post("/<uuid:campaign_id>/close")
@enters(Entry.RUN_CAMPAIGNS)
def close(campaign_id: UUID) -> Response:
    """Close a campaign before its end."""

    def work(db: Session) -> Words:
        core.close_campaign(
            db,
            campaign_id=campaign_id,
            staff=person(),
            reason=asked.form.get("reason", ""),
            now=moment(),
        )
        return Words("活动已结束。", "The campaign is closed.")

    return _done(campaign_id, work)


@campaigns.post("/<uuid:campaign_id>/visits/<uuid:visit_id>/rejection")
@enters(Entry.RUN_CAMPAIGNS)
def reject(campaign_id: UUID, visit_id: UUID) -> Response:
    """Say that a visit is not accepted."""

    def work(db: Session) -> Words:
        core.reject_visit(
            db,
            campaign_id=campaign_id,
            task_id=visit_id,
            staff=person(),
            code=asked.form.get("code", ""),
            now=moment(),
        )
        return Words("已认定无效，积分已冲回。", "Rejected; the points went back.")

    return _done(campaign_id, work)


def _wish() -> Wish:
    form = asked.form
    datum = form.get("datum", "")
    return Wish(
        unit=form.get("unit", ""),
        kind=form.get("kind", ""),
        name=form.get("name", ""),
        purpose=form.get("purpose", ""),
        starts_on=read_day(form.get("starts_on", ""), "starts_on"),
        ends_on=read_day(form.get("ends_on", ""), "ends_on"),
        riders_per_shop=2 if form.get("riders_per_shop") == "2" else 1,
        shops=tuple(
            read_shops(
                _csv() or form.get("shops", ""),
                datum=Datum(datum) if datum in set(Datum) else Datum.WGS84,
            )
        ),
    )


def _csv() -> str:
    """Return the CSV file that was sent, or nothing; GB 18030 as Chinese Excel writes it, too."""
    file = asked.files.get("csv")
    data = file.read(MOST_CSV_BYTES) if file else b""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _asked(made: Invited) -> Words:
    return Words(
        f"已邀请 {made.asked} 人；{made.before} 人以前已邀请，{made.unknown} 个号码不是监督员。",
        f"Asked {made.asked}; {made.before} had been asked before, {made.unknown} numbers are no "
        "supervisor's.",
    )


def _done(campaign_id: UUID, work: Callable[[Session], Words]) -> Response:
    try:
        with room().database.writing() as db:
            words = work(db)
    except (InvalidInput, Conflict) as error:
        room().metrics.observe_refusal(error.code)
        return make_response(_page(campaign_id, refusal=error), status_of(error))
    flash(say(words))
    return make_response(redirect(url_for("campaigns.show_campaign", campaign_id=campaign_id), 303))


def _page(campaign_id: UUID, *, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        sight = sight_of(db, campaign_id)
    return render_template(
        "campaign.html",
        sight=sight,
        kinds=KIND_NAMES,
        states=STATE_NAMES,
        obstacles=OBSTACLES,
        rejections=REJECTIONS,
        categories={each.code: each.words for each in CATEGORIES},
        fewest=FEWEST_RIDERS,
        small_cell=room().settings.bulletin_small_cell,
        typed=asked.form,
        refusal=refusal,
    )


def sight_of(session: Session, campaign_id: UUID) -> Sight:
    """Return a campaign of the person's trees."""
    return look_at(
        session,
        campaign_id=campaign_id,
        staff=person(),
        now=moment(),
        small_cell=room().settings.bulletin_small_cell,
    )


def _drawn(session: Session) -> dict[str, str]:
    """Return what the form begins with where the address names a draw, or squares of /risk."""
    draw_id = asked.args.get("draw", type=UUID)
    if draw_id is None:
        return {"shops": shops_of_squares(asked.args.getlist("square"))}
    title, shops = shops_of_draw(session, draw_id=draw_id, staff=person())
    return {"name": title[:80], "shops": shops}


def _list_page(*, refusal: SuishoupaiError | None = None) -> str:
    with room().database.reading() as db:
        sights = campaigns_within(db, staff=person(), now=moment())
        units = units_within(db, paths=person().paths(Right.RUN_CAMPAIGNS))
        typed = asked.form if asked.method == "POST" else _drawn(db)
    return render_template(
        "campaigns.html",
        sights=sights,
        units=units,
        kinds=KIND_NAMES,
        fewest=FEWEST_RIDERS,
        most_shops=MOST_SHOPS,
        today=today(),
        typed=typed,
        refusal=refusal,
    )
