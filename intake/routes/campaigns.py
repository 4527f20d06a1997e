"""Campaigns at the rider's door: invitations and tasks, on a page and for the app to keep."""

from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.bodies import as_json, read_body
from intake.campaigns import visiting as core
from intake.campaigns.reading import Errand, Offered, campaigns_of
from intake.campaigns.visiting import Visit
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS, RIDER, WHO_REFUSALS, WRITE_REFUSALS
from intake.routes.signing import MAX_FORM_BYTES
from schemas.campaigns import KIND_NAMES, OBSTACLES, STATE_NAMES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.places import given_place
from schemas.points import PointRule, edition_on
from schemas.wire.campaigns import (
    CampaignReply,
    RiderCampaign,
    RiderCampaignList,
    VisitReport,
    VisitTask,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.workdays import local_date

campaigns = Blueprint("campaigns", __name__)
campaigns_api = Blueprint("campaigns_api", __name__, url_prefix="/api/v1/me")
entrance.guard_forms(campaigns, max_bytes=MAX_FORM_BYTES)

_CAMPAIGN = Given("campaign_id", "path", "the campaign's id", format="uuid")
_TASK = Given("task_id", "path", "the task's id", format="uuid")


@campaigns.get("/me/campaigns")
@enters(Entry.RIDER)
def show_campaigns() -> str:
    """Show the campaigns that the rider was invited to."""
    return _page()


@campaigns.post("/me/campaigns/<uuid:campaign_id>/answer")
@enters(Entry.RIDER)
def answer(campaign_id: UUID) -> WerkzeugResponse:
    """Accept or decline."""
    _answer(campaign_id, accepts=request.form.get("accept") == "1")
    return redirect(url_for("campaigns.show_campaigns"), 303)


@campaigns.post("/me/tasks/<uuid:task_id>/take")
@enters(Entry.RIDER)
def take(task_id: UUID) -> WerkzeugResponse:
    """Take a task."""
    _take(task_id)
    return redirect(url_for("campaigns.show_campaigns"), 303)


@campaigns.post("/me/tasks/<uuid:task_id>/hand-back")
@enters(Entry.RIDER)
def hand_back(task_id: UUID) -> WerkzeugResponse:
    """Give a task back."""
    _hand_back(task_id)
    return redirect(url_for("campaigns.show_campaigns"), 303)


@campaigns.post("/me/tasks/<uuid:task_id>/visit")
@enters(Entry.RIDER)
def visit(task_id: UUID) -> WerkzeugResponse:
    """Say what came of a visit without a tip."""
    # A page without a script knows no place: the app sends one, where the rider wants it.
    _visit(task_id, Visit(request.form.get("obstacle", "")))
    return redirect(url_for("campaigns.show_campaigns"), 303)


@campaigns_api.get("/campaigns")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="The campaigns that the rider was invited to, with tasks to take and their own",
        answer=Answered(200, "The newest first", RiderCampaignList),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def list_campaigns() -> Response:
    """List the rider's campaigns."""
    return as_json(RiderCampaignList(items=[_told(each) for each in _campaigns()]))


@campaigns_api.post("/campaigns/<uuid:campaign_id>/answer")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Accept or decline; declining hands back what the rider holds",
        body=CampaignReply,
        given=(_CAMPAIGN,),
        answer=Answered(200, "All campaigns as they are now", RiderCampaignList),
        refusals=BODY_REFUSALS
        | WRITE_REFUSALS
        | {
            404: "campaign-unknown, not-found",
            409: "campaign-over, not-a-supervisor",
            422: BODY_CODES,
        },
        security=RIDER,
    )
)
def answer_by_program(campaign_id: UUID) -> Response:
    """Accept or decline."""
    _answer(campaign_id, accepts=read_body(CampaignReply).accept)
    return list_campaigns()


@campaigns_api.post("/tasks/<uuid:task_id>/take")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Take a task; send the tip with its id as `task`",
        given=(_TASK,),
        answer=Answered(200, "All campaigns as they are now", RiderCampaignList),
        refusals=WRITE_REFUSALS
        | {
            404: "task-unknown, not-found",
            409: "campaign-over, campaign-not-begun, campaign-not-accepted, campaign-too-few, "
            "task-taken, task-shop-taken, tasks-too-many",
        },
        security=RIDER,
    )
)
def take_by_program(task_id: UUID) -> Response:
    """Take a task."""
    _take(task_id)
    return list_campaigns()


@campaigns_api.post("/tasks/<uuid:task_id>/hand-back")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Give a task back, so that another can take it",
        given=(_TASK,),
        answer=Answered(200, "All campaigns as they are now", RiderCampaignList),
        refusals=WRITE_REFUSALS
        | {404: "task-unknown, not-found", 409: "campaign-over, task-not-held"},
        security=RIDER,
    )
)
def hand_back_by_program(task_id: UUID) -> Response:
    """Give a task back."""
    _hand_back(task_id)
    return list_campaigns()


@campaigns_api.post("/tasks/<uuid:task_id>/visit")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Nothing was found there, or it could not be visited",
        body=VisitReport,
        given=(_TASK,),
        answer=Answered(200, "All campaigns as they are now", RiderCampaignList),
        refusals=BODY_REFUSALS
        | WRITE_REFUSALS
        | {
            404: "task-unknown, not-found",
            409: "campaign-over, task-not-held",
            422: f"obstacle-unknown, place-incomplete, coordinates-out-of-range, {BODY_CODES}",
        },
        security=RIDER,
    )
)
def visit_by_program(task_id: UUID) -> Response:
    """Note what came of a visit."""
    said = read_body(VisitReport)
    place = given_place(said.latitude, said.longitude, said.datum)
    _visit(task_id, Visit(said.obstacle, place, said.accuracy_m))
    return list_campaigns()


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.blueprint == "campaigns" and entrance.is_rider_known():
        return _page(error=error)
    return None


def _answer(campaign_id: UUID, *, accepts: bool) -> None:
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.answer(
            session, campaign_id=campaign_id, rider_id=rider_id, accepts=accepts, now=now_utc()
        )
    )


def _take(task_id: UUID) -> None:
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.take(session, task_id=task_id, rider_id=rider_id, now=now_utc())
    )


def _hand_back(task_id: UUID) -> None:
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.hand_back(session, task_id=task_id, rider_id=rider_id, now=now_utc())
    )


def _visit(task_id: UUID, said: Visit) -> None:
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.visit(
            session, task_id=task_id, rider_id=rider_id, found=said, now=now_utc()
        )
    )


def _campaigns() -> list[Offered]:
    with present_door().database.reading() as session:
        return campaigns_of(session, rider_id=entrance.rider_of_request(), now=now_utc())


def _told(offered: Offered) -> RiderCampaign:
    row = offered.campaign
    return RiderCampaign(
        id=row.id,
        name=row.name,
        kind=offered.kind.value,
        purpose=row.purpose,
        unit=offered.unit,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        accepted=offered.accepted,
        over=offered.is_over,
        waits_for_others=bool(offered.accepted) and not offered.is_enough,
        tasks=[_task(each) for each in offered.tasks],
    )


def _task(errand: Errand) -> VisitTask:
    shop = errand.shop
    return VisitTask(
        id=errand.id,
        name=shop.name,
        address=shop.address,
        latitude=shop.latitude,
        longitude=shop.longitude,
        state=errand.state.value,
        text=STATE_NAMES[errand.state].say(request_locale()),
        mine=errand.is_mine,
        at_the_shop=errand.is_near,
    )


def _page(*, error: SuishoupaiError | None = None) -> str:
    edition = edition_on(local_date(now_utc()))
    return render_template(
        "campaigns.html",
        campaigns=_campaigns(),
        kinds=KIND_NAMES,
        states=STATE_NAMES,
        obstacles=OBSTACLES,
        points=edition.points[PointRule.SUPERVISOR_TASK],
        error=error,
    )
