"""The public lists of honour, and the rider's own say in how they are named there."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance
from intake.rewards import honouring as core
from intake.rewards.ledger import pseudonym_of
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS, RIDER, WHO_REFUSALS, WRITE_REFUSALS
from intake.routes.signing import MAX_FORM_BYTES
from schemas.database import now_utc
from schemas.errors import SuishoupaiError
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.points import HonourName, HonourNameGiven, PublicRoll, PublicRollList

honour_pages = Blueprint("honours", __name__)
honours_api = Blueprint("honours_api", __name__, url_prefix="/api/v1")
entrance.guard_forms(honour_pages, max_bytes=MAX_FORM_BYTES)


@honour_pages.get("/honours")
@enters(Entry.PUBLIC)
def show_rolls() -> str:
    """Show the published lists to everybody."""
    return render_template("honours.html", rolls=_rolls())


@honour_pages.get("/me/honour")
@enters(Entry.RIDER)
def show_name() -> str:
    """Show how the rider is named, and ask."""
    return _page()


@honour_pages.post("/me/honour")
@enters(Entry.RIDER)
def decide_name() -> Response:
    """Agree to be named, under another name, or no longer."""
    version, rider_id = request.form.get("version", ""), entrance.rider_of_request()
    door = present_door()
    if version:
        _agree(version, request.form.get("name", ""))
    else:
        door.commit(
            lambda session: core.stop_being_named(session, rider_id=rider_id, now=now_utc())
        )
    return redirect(url_for("honours.show_name"), 303)


@honours_api.get("/honours")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="The published lists of honour: names that riders agreed to, else pseudonyms",
        answer=Answered(200, "The newest first", PublicRollList),
        refusals={503: "database-away"},
    )
)
def list_rolls() -> Response:
    """List the published lists."""
    items = [
        PublicRoll(
            unit=each.unit,
            period=each.period,
            published_on=each.published_on,
            names=list(each.names),
        )
        for each in _rolls()
    ]
    return as_json(PublicRollList(items=items))


@honours_api.get("/me/honour-name")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="How the rider is named on lists of honour, and what agreeing to a name means",
        answer=Answered(200, "The words, and what stands", HonourName),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def tell_name() -> Response:
    """Tell how the rider is named."""
    return as_json(_name())


@honours_api.put("/me/honour-name")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Agree to be named on lists of honour; past lists show the name, too",
        body=HonourNameGiven,
        answer=Answered(200, "What stands now", HonourName),
        refusals=BODY_REFUSALS
        | WRITE_REFUSALS
        | {409: "consent-outdated", 422: f"honour-name-invalid, {BODY_CODES}"},
        security=RIDER,
    )
)
def agree() -> Response:
    """Note that the rider agrees."""
    given = read_body(HonourNameGiven)
    _agree(given.version, given.name)
    return as_json(_name())


@honours_api.delete("/me/honour-name")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Withdraw it: every list shows the pseudonym at once; again changes nothing",
        answer=Answered(200, "What stands now", HonourName),
        refusals=WRITE_REFUSALS,
        security=RIDER,
    )
)
def withdraw() -> Response:
    """Note that the rider withdraws."""
    rider_id = entrance.rider_of_request()
    present_door().commit(
        lambda session: core.stop_being_named(session, rider_id=rider_id, now=now_utc())
    )
    return as_json(_name())


def page_for(error: SuishoupaiError) -> str | None:
    """Return a refusal of these pages as a page."""
    if request.endpoint == "honours.decide_name" and entrance.is_rider_known():
        return _page(error=error)
    return None


def _rolls() -> list[core.Roll]:
    door = present_door()
    with door.database.reading() as session:
        return core.published_rolls(session, sealer=door.sealer)


def _agree(version: str, name: str) -> None:
    door, rider_id = present_door(), entrance.rider_of_request()
    door.commit(
        lambda session: core.agree_to_be_named(
            session,
            sealer=door.sealer,
            rider_id=rider_id,
            version=version,
            name=name,
            now=now_utc(),
        )
    )


def _name() -> HonourName:
    door, rider_id, locale = present_door(), entrance.rider_of_request(), request_locale()
    with door.database.reading() as session:
        standing = core.standing_name(session, rider_id=rider_id)
        account = pseudonym_of(session, rider_id=rider_id)
    return HonourName(
        version=core.TERMS_VERSION,
        paragraphs=[each.say(locale) for each in core.TERMS],
        name=str(door.sealer.open(standing.sealed_name)) if standing else None,
        pseudonym=core.public_pseudonym(account) if account else None,
    )


def _page(*, error: SuishoupaiError | None = None) -> str:
    return render_template(
        "honour_name.html",
        honour=_name(),
        most=core.MOST_NAME,
        typed=request.form.get("name", "")[:40],
        error=error,
    )
