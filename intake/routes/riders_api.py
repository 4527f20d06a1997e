"""The JSON API of signing in: codes and sessions."""

from flask import Blueprint, Response

from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity import entrance, present
from intake.identity.signing import ask_for_code, sign_in
from schemas.wire.openapi import Answered, Described, describes
from schemas.wire.riders import CodeOnItsWay, CodeWanted, Me, SignIn

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
        | {
            404: "invitation-over",
            422: f"phone-invalid, {BODY_CODES}",
            429: "codes-too-often",
        },
    )
)
def create_code() -> Response:
    """Send a code to a phone that may sign in."""
    values = read_body(CodeWanted)
    asked = ask_for_code(present_door(), phone=values.phone, invitation=values.invitation)
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
        | {
            404: "invitation-over",
            422: "code-wrong, phone-invalid, rider-field-missing, rider-field-invalid, "
            f"{BODY_CODES}",
            429: "tries-too-often",
        },
    )
)
def create_session() -> Response:
    """Begin a session of this browser."""
    values, door = read_body(SignIn), present_door()
    arrival = sign_in(
        door,
        phone=values.phone,
        code=values.code,
        invitation=values.invitation,
        name=values.name,
    )
    with door.database.reading() as session:
        me = present.me(session, sealer=door.sealer, rider_id=arrival.rider_id)
    answer = as_json(me, 201)
    entrance.hand_out_cookie(answer, arrival.token, door.settings)
    entrance.know_device(answer, door.settings)
    return answer


@riders_api.delete("/sessions")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="Sign this browser out, also where its session has ended already; a bearer token "
        "is ended with its device",
        answer=Answered(204, "Signed out", headers={"Set-Cookie": "forgets the session"}),
        refusals=WRITE_REFUSALS | {401: "token-unknown", 409: "session-missing"},
        security=("rider", "session", ""),
    )
)
def end_session() -> Response:
    """End the session of this browser."""
    entrance.sign_out(present_door())
    answer = Response(status=204)
    entrance.take_cookie_back(answer)
    return answer
