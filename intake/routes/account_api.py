"""The JSON API of a rider's own account: who I am, my devices, my consents, leaving."""

from uuid import UUID

from flask import Blueprint, Response, request

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance, present
from intake.identity.consents import (
    LOCATION,
    give_consent,
    standing_consent,
    withdraw_consent,
)
from intake.identity.leaving import delete_account
from intake.identity.sessions import devices_of, end_device, end_other_devices
from intake.identity.stations import make_personal_code
from intake.routes.riders_api import BODY_CODES, BODY_REFUSALS, RIDER, WHO_REFUSALS, WRITE_REFUSALS
from schemas.database import now_utc
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.riders import (
    ConsentGiven,
    ConsentList,
    DeviceList,
    DevicesEnded,
    Me,
    PersonalCodeShown,
)

account_api = Blueprint("account_api", __name__, url_prefix="/api/v1/me")


@account_api.get("")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Who is signed in",
        answer=Answered(200, "The rider", Me),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def show_me() -> Response:
    """Tell who is signed in."""
    door = present_door()
    with door.database.reading() as session:
        me = present.me(session, sealer=door.sealer, rider_id=entrance.rider_of_request())
    return as_json(me)


@account_api.get("/devices")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="What is signed in for the rider",
        answer=Answered(200, "The devices, what was used last first", DeviceList),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def list_devices() -> Response:
    """List the rider's devices."""
    with present_door().database.reading() as session:
        rows = devices_of(session, rider_id=entrance.rider_of_request(), now=now_utc())
    this = entrance.token_of_request().id
    return as_json(present.device_list(rows, this=this, locale=request_locale()))


@account_api.delete("/devices")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Sign out every device but the one that asks",
        answer=Answered(200, "How many were signed out", DevicesEnded),
        refusals=WRITE_REFUSALS,
        security=RIDER,
    )
)
def end_others() -> Response:
    """Sign the rider's other devices out."""
    ended = present_door().commit(
        lambda session: end_other_devices(
            session,
            rider_id=entrance.rider_of_request(),
            but=entrance.token_of_request().id,
            now=now_utc(),
        )
    )
    return as_json(DevicesEnded(ended=ended))


@account_api.delete("/devices/<uuid:device_id>")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Sign one device out",
        given=(Given("device_id", "path", "the device's id", format="uuid"),),
        answer=Answered(204, "It is signed out"),
        refusals=WRITE_REFUSALS | {404: "device-unknown, not-found"},
        security=RIDER,
    )
)
def end_one(device_id: UUID) -> Response:
    """Sign one of the rider's devices out."""
    present_door().commit(
        lambda session: end_device(
            session, rider_id=entrance.rider_of_request(), token_id=device_id, now=now_utc()
        )
    )
    return Response(status=204)


@account_api.get("/consents")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="What the rider is asked to agree to, in plain words, and what stands",
        answer=Answered(200, "The consents", ConsentList),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def list_consents() -> Response:
    """List the consents."""
    return _consents()


@account_api.put("/consents/location")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Agree to the use of the phone's place",
        body=ConsentGiven,
        answer=Answered(200, "The consents as they stand now", ConsentList),
        refusals=BODY_REFUSALS | WRITE_REFUSALS | {409: "consent-outdated", 422: BODY_CODES},
        security=RIDER,
    )
)
def agree() -> Response:
    """Note that the rider agrees."""
    values = read_body(ConsentGiven)
    present_door().commit(
        lambda session: give_consent(
            session,
            rider_id=entrance.rider_of_request(),
            version=values.version,
            now=now_utc(),
        )
    )
    return _consents()


@account_api.delete("/consents/location")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Withdraw the consent to use the phone's place; a second time changes nothing",
        answer=Answered(200, "The consents as they stand now", ConsentList),
        refusals=WRITE_REFUSALS,
        security=RIDER,
    )
)
def withdraw() -> Response:
    """Note that the rider withdraws."""
    present_door().commit(
        lambda session: withdraw_consent(
            session, rider_id=entrance.rider_of_request(), now=now_utc()
        )
    )
    return _consents()


@account_api.delete("")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Delete the own account: who it is is erased, what was reported stays as evidence",
        given=(
            Given(
                "Phone-Ending",
                "header",
                "the last four digits of the rider's phone, so that nothing is deleted by a slip",
                required=True,
            ),
        ),
        answer=Answered(204, "Erased; every sign-in has ended"),
        refusals=WRITE_REFUSALS
        | {
            409: "erasure-held",
            422: "phone-ending-wrong",
            429: "confirmations-too-often",
        },
        security=RIDER,
    )
)
def leave() -> Response:
    """Erase who the rider is."""
    door, rider_id = present_door(), entrance.rider_of_request()
    door.sign_in_limits.confirm(rider_id=rider_id)
    door.commit(
        lambda session: delete_account(
            session,
            sealer=door.sealer,
            rider_id=rider_id,
            phone_ending=request.headers.get("Phone-Ending", ""),
            now=now_utc(),
        )
    )
    answer = Response(status=204)
    entrance.take_cookie_back(answer)
    return answer


@account_api.post("/personal-code")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Make the rider's own code for a station's terminal; the one before it is over",
        answer=Answered(201, "The code, good once and for two minutes", PersonalCodeShown),
        refusals=WRITE_REFUSALS,
        security=RIDER,
    )
)
def create_personal_code() -> Response:
    """Make a new personal code."""
    door = present_door()
    shown = door.commit(
        lambda session: make_personal_code(
            session,
            sealer=door.sealer,
            rider_id=entrance.rider_of_request(),
            now=now_utc(),
        )
    )
    return as_json(PersonalCodeShown(code=shown.text, expires_at=shown.expires_at), 201)


def _consents() -> Response:
    door, rider_id = present_door(), entrance.rider_of_request()
    with door.database.reading() as session:
        standing = standing_consent(session, rider_id=rider_id, kind=LOCATION)
    years = door.settings.retention_years
    return as_json(present.consent_list(standing, retention_years=years, locale=request_locale()))
