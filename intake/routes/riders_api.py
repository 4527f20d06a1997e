"""The JSON API of who the rider is: codes, sessions, me, my devices."""

from uuid import UUID

from flask import Blueprint, Response

from intake.bodies import read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance, present
from intake.identity.sessions import devices_of, end_device, end_other_devices
from intake.identity.signing import ask_for_code, sign_in
from intake.routes.api_v1 import as_json
from schemas.database import now_utc
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.riders import CodeOnItsWay, CodeWanted, DeviceList, DevicesEnded, Me, SignIn

riders_api = Blueprint("riders_api", __name__, url_prefix="/api/v1")

RIDER = ("rider", "session")
BODY_REFUSALS = {
    400: "body-unreadable",
    413: "too-large",
    415: "content-type-unsupported",
    503: "database-away",
}
BODY_CODES = "field-unknown, field-missing, text-invalid, text-too-long, value-invalid"
WHO_REFUSALS = {401: "sign-in-needed, session-ended, token-unknown", 503: "database-away"}
WRITE_REFUSALS = WHO_REFUSALS | {403: "cross-site"}


@riders_api.post("/sign-in/codes")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Ask for a one-time code; the answer is the same for every phone",
        body=CodeWanted,
        answer=Answered(202, "If the phone may sign in here, its code is on its way", CodeOnItsWay),
        refusals=BODY_REFUSALS
        | {422: f"phone-invalid, {BODY_CODES}", 429: "codes-too-often", 401: "token-unknown"},
    )
)
def create_code() -> Response:
    """Send a code to a phone that may sign in."""
    values = read_body(CodeWanted)
    asked = ask_for_code(present_door(), phone=values.phone)
    answer = as_json(present.code_on_its_way(asked, request_locale()), 202)
    entrance.know_device(answer, present_door().settings)
    return answer


@riders_api.post("/sessions")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Sign in with a phone and its code; the answer sets the session's cookie",
        body=SignIn,
        answer=Answered(201, "Signed in", Me, {"Set-Cookie": "the session, HttpOnly"}),
        refusals=BODY_REFUSALS
        | {422: f"code-wrong, phone-invalid, {BODY_CODES}", 429: "tries-too-often"},
    )
)
def create_session() -> Response:
    """Begin a session of this browser."""
    values, door = read_body(SignIn), present_door()
    arrival = sign_in(door, phone=values.phone, code=values.code)
    with door.database.reading() as session:
        me = present.me(session, sealer=door.sealer, rider_id=arrival.rider_id)
    answer = as_json(me, 201)
    entrance.hand_out_cookie(answer, arrival.token, door.settings)
    entrance.know_device(answer, door.settings)
    return answer


@riders_api.delete("/sessions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Sign this browser out; a bearer token is ended with its device",
        answer=Answered(204, "Signed out", headers={"Set-Cookie": "forgets the session"}),
        refusals=WRITE_REFUSALS | {409: "session-missing"},
        security=RIDER,
    )
)
def end_session() -> Response:
    """End the session of this browser."""
    entrance.sign_out(present_door())
    answer = Response(status=204)
    entrance.take_cookie_back(answer)
    return answer


@riders_api.get("/me")
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


@riders_api.get("/me/devices")
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


@riders_api.delete("/me/devices")
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


@riders_api.delete("/me/devices/<uuid:device_id>")
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
