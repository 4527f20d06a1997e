"""Campaigns over the room's API: made, looked at, offered, closed; no answer names a rider."""

from uuid import UUID

from flask import Blueprint, Response

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.campaigns import making as core
from review_ui.campaigns.inviting import invite
from review_ui.campaigns.looking import Results, Row, Sight, campaigns_within
from review_ui.campaigns.making import Wish
from review_ui.campaigns.shops import Shop
from review_ui.presenting import say
from review_ui.room import moment, person, room
from review_ui.routes.campaigns import sight_of
from schemas.campaigns import STATE_NAMES
from schemas.errors import InvalidInput
from schemas.places import Datum, to_wgs84
from schemas.sealing import Sealer
from schemas.wire.campaigns import (
    CampaignAnswer,
    CampaignFile,
    CampaignList,
    CampaignProgress,
    CampaignRequest,
    CampaignResults,
    CloseRequest,
    InviteAnswer,
    InviteRequest,
    RejectRequest,
    ShopGiven,
    ShopProgress,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.words import Words
from schemas.workdays import local_date

campaigns_api = Blueprint("campaigns_api", __name__, url_prefix="/api/v1/campaigns")
_CAMPAIGN = Given("campaign_id", "path", "the campaign's id", format="uuid")
_VISIT = Given("visit_id", "path", "the visit's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_FIELDS = "field-unknown, field-missing, value-invalid"
_VISITED = Words("已走访", "Visited")


@campaigns_api.get("")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="The campaigns of one's own area",
        answer=Answered(200, "The newest first", CampaignList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_for_program() -> Response:
    """List the campaigns."""
    with room().database.reading() as db:
        sights = campaigns_within(db, staff=person(), now=moment())
    return as_json(CampaignList(items=[CampaignAnswer(**_fields(each)) for each in sights]))


@campaigns_api.post("")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="Make a campaign of visits",
        body=CampaignRequest,
        answer=Answered(201, "The campaign", CampaignFile),
        refusals={
            **_AWAY,
            **_BODY,
            422: "unit-unknown, unit-ambiguous, campaign-kind-unknown, campaign-name-missing, "
            f"campaign-days-invalid, shop-line-invalid, coordinates-out-of-range, {_FIELDS}",
        },
        security=("staff",),
    )
)
def make_by_program() -> Response:
    """Make a campaign."""
    wanted = read_body(CampaignRequest)
    shops = tuple(
        dict.fromkeys(
            _shop(number, each, wanted.datum) for number, each in enumerate(wanted.shops, start=1)
        )
    )
    wish = Wish(
        unit=wanted.unit.replace("\0", ""),
        kind=wanted.kind,
        name=wanted.name,
        purpose=wanted.purpose,
        starts_on=wanted.starts_on,
        ends_on=wanted.ends_on,
        riders_per_shop=wanted.riders_per_shop,
        shops=shops,
    )
    with room().database.writing() as db:
        made = core.make_campaign(db, staff=person(), wish=wish, now=moment())
        return as_json(_file(sight_of(db, made.id)), 201)


@campaigns_api.get("/<uuid:campaign_id>")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="One campaign: its shops, and the sums of what was found once it is over",
        given=(_CAMPAIGN,),
        answer=Answered(200, "The campaign", CampaignFile),
        refusals=_AWAY,
        security=("staff",),
    )
)
def show_for_program(campaign_id: UUID) -> Response:
    """Show one campaign."""
    with room().database.reading() as db:
        return as_json(_file(sight_of(db, campaign_id)))


@campaigns_api.post("/<uuid:campaign_id>/invitations")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="Ask supervisors to take part; who they are is not answered",
        body=InviteRequest,
        given=(_CAMPAIGN,),
        answer=Answered(200, "How many were asked", InviteAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            409: "campaign-over",
            422: f"nobody-named, invited-too-many, no-supervisors, {_FIELDS}",
        },
        security=("staff",),
    )
)
def invite_by_program(campaign_id: UUID) -> Response:
    """Ask supervisors."""
    wanted = read_body(InviteRequest)
    with room().database.writing() as db:
        made = invite(
            db,
            sealer=Sealer(room().settings),
            campaign_id=campaign_id,
            staff=person(),
            numbers=" ".join(wanted.numbers),
            station=wanted.station,
            now=moment(),
        )
    return as_json(InviteAnswer(asked=made.asked, before=made.before, unknown=made.unknown))


@campaigns_api.post("/<uuid:campaign_id>/close")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="Close a campaign before its last day",
        body=CloseRequest,
        given=(_CAMPAIGN,),
        answer=Answered(200, "The campaign as it is now", CampaignFile),
        refusals={**_AWAY, **_BODY, 409: "campaign-over", 422: f"reason-missing, {_FIELDS}"},
        security=("staff",),
    )
)
def close_by_program(campaign_id: UUID) -> Response:
    """Close a campaign."""
    reason = read_body(CloseRequest).reason
    with room().database.writing() as db:
        core.close_campaign(
            db, campaign_id=campaign_id, staff=person(), reason=reason, now=moment()
        )
        return as_json(_file(sight_of(db, campaign_id)))


@campaigns_api.post("/<uuid:campaign_id>/visits/<uuid:visit_id>/rejection")
@enters(Entry.RUN_CAMPAIGNS)
@describes(
    Described(
        summary="Say that a visit is not accepted; its points go back",
        body=RejectRequest,
        given=(_CAMPAIGN, _VISIT),
        answer=Answered(200, "The campaign as it is now", CampaignFile),
        refusals={
            **_AWAY,
            **_BODY,
            409: "task-not-visited",
            422: f"rejection-unknown, {_FIELDS}",
        },
        security=("staff",),
    )
)
def reject_by_program(campaign_id: UUID, visit_id: UUID) -> Response:
    """Reject a visit."""
    code = read_body(RejectRequest).code
    with room().database.writing() as db:
        core.reject_visit(
            db,
            campaign_id=campaign_id,
            task_id=visit_id,
            staff=person(),
            code=code,
            now=moment(),
        )
        return as_json(_file(sight_of(db, campaign_id)))


def _shop(number: int, given: ShopGiven, datum: Datum) -> Shop:
    name, address = core.line(given.name), core.line(given.address)
    is_placed = given.latitude is not None and given.longitude is not None
    is_half = (given.latitude is None) != (given.longitude is None)
    if is_half or not (name or is_placed) or (given.square and not is_placed):
        raise InvalidInput(
            "shop-line-invalid",
            Words(
                f"第 {number} 家要有店名，或者有经纬度；方格必须有经纬度。",
                f"Shop {number} needs a name, or latitude and longitude; a square needs these.",
            ),
            field="shops",
            line=number,
        )
    if given.latitude is None or given.longitude is None:
        return Shop(name, address)
    place = to_wgs84(given.latitude, given.longitude, datum)
    return Shop(name, address, place, given.square)


def _fields(sight: Sight) -> dict[str, object]:
    row, progress = sight.campaign, sight.progress
    return {
        "id": row.id,
        "unit": sight.unit,
        "kind": sight.kind.value,
        "name": row.name,
        "purpose": row.purpose,
        "starts_on": row.starts_on,
        "ends_on": row.ends_on,
        "over": sight.is_over,
        "closed_on": local_date(row.closed_at) if row.closed_at else None,
        "invited": sight.invited,
        "enough": sight.is_enough,
        "progress": CampaignProgress(
            tasks=progress.tasks,
            taken=progress.taken,
            visited=progress.visited,
            not_visited=progress.not_visited,
            rejected=progress.rejected,
            expired=progress.expired,
        ),
    }


def _file(sight: Sight) -> CampaignFile:
    return CampaignFile(
        **_fields(sight),
        shops=[_row(each) for each in sight.rows],
        results=_results(sight.results) if sight.results else None,
    )


def _row(row: Row) -> ShopProgress:
    words = _VISITED if row.is_visited else STATE_NAMES[row.state]
    return ShopProgress(
        id=row.task.id,
        name=row.shop.name,
        address=row.shop.address,
        state="visited" if row.is_visited else row.state.value,
        text=say(words),
        obstacle=row.task.obstacle,
    )


def _results(results: Results) -> CampaignResults:
    return CampaignResults(
        visited=results.visited,
        found=results.found,
        verified=results.verified,
        share_percent=results.share,
        categories=dict(results.categories),
    )
