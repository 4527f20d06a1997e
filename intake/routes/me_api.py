"""The JSON API of what became of my tips: the list, notices, ways to be told, suggestions."""

from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from intake import notices, present, reports, sending, status, subscriptions, suggestions
from intake.bodies import as_json, read_body
from intake.door import present_door
from intake.doorway import Entry, enters, request_locale
from intake.identity.entrance import rider_of_request
from intake.routes.api_v1 import (
    CODE_HEADER,
    CODE_QUERY,
    KEY,
    NUMBER,
    RIDER_OR_NOBODY,
    own_report,
    reporter_of_request,
)
from intake.routes.riders_api import (
    BODY_CODES,
    BODY_REFUSALS,
    RIDER,
    WHO_REFUSALS,
    WRITE_REFUSALS,
)
from schemas.database import now_utc
from schemas.errors import InvalidInput, NotFound
from schemas.tables import MessengerLink
from schemas.vapid import public_key_of
from schemas.wire.notices import (
    MessengerAnswer,
    MessengerLinked,
    NoticeList,
    NoticesRead,
    PushKey,
    Subscribe,
    Subscribed,
    SuggestionAnswer,
    SuggestionList,
    SuggestionRequest,
    Unread,
)
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.reports import ReportPage
from schemas.words import Words

me_api = Blueprint("me_api", __name__, url_prefix="/api/v1")

PAGE, MOST_PER_PAGE = 20, 100
LIMIT = Given("limit", "query", f"how many, {PAGE} if left out, {MOST_PER_PAGE} at most")
BEFORE = Given("before", "query", "`next` of the page before")
SUBSCRIPTION = Given("subscription_id", "path", "the subscription's id", format="uuid")
SUGGESTION = Given("number", "path", "the suggestion's number, such as JY20261122-7KQ4MX-3")
PUSH_CODES = f"push-endpoint-unknown, push-keys-invalid, {BODY_CODES}"
BODY_WRITES = BODY_REFUSALS | WRITE_REFUSALS


@me_api.get("/me/reports")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="My own reports, the newest first: status, what is due, what happened last",
        given=(BEFORE, LIMIT),
        answer=Answered(200, "A page of them", ReportPage),
        refusals=WHO_REFUSALS | {404: "report-not-found", 422: "value-invalid"},
        security=RIDER,
    )
)
def list_reports() -> Response:
    """List the rider's own reports."""
    door, rider_id, size = present_door(), rider_of_request(), _size()
    before = request.args.get("before")
    with door.database.reading() as session:
        last = (
            reports.find_report(session, number=before, rider_id=rider_id, receipt_code=None)
            if before
            else None
        )
        states, more = status.own_reports(
            session, rider_id=rider_id, before=last, size=size, overrides=door.calendar
        )
    return as_json(present.report_page(states, more, request_locale()))


@me_api.get("/me/notices")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="What I was told: changes of status and answers, the newest first",
        given=(BEFORE, LIMIT),
        answer=Answered(200, "A page of notices", NoticeList),
        refusals=WHO_REFUSALS | {422: "value-invalid"},
        security=RIDER,
    )
)
def list_notices() -> Response:
    """List the rider's notices."""
    before, size = _uuid("before"), _size()
    with present_door().database.reading() as session:
        page = notices.page_of_notices(
            session, rider_id=rider_of_request(), before=before, size=size
        )
    return as_json(present.notice_list(page, request_locale()))


@me_api.get("/me/notices/unread")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="How many notices are unread",
        answer=Answered(200, "The count", Unread),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def count_unread() -> Response:
    """Count unread notices."""
    with present_door().database.reading() as session:
        return as_json(Unread(unread=notices.unread_count(session, rider_id=rider_of_request())))


@me_api.post("/me/notices/read")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Mark notices as read",
        body=NoticesRead,
        answer=Answered(200, "How many are still unread", Unread),
        refusals=BODY_WRITES | {422: BODY_CODES},
        security=RIDER,
    )
)
def read_notices() -> Response:
    """Mark notices as read."""
    values, rider_id = read_body(NoticesRead), rider_of_request()

    def write(session: Session) -> int:
        notices.mark_read(session, rider_id=rider_id, up_to=values.up_to, now=now_utc())
        return notices.unread_count(session, rider_id=rider_id)

    return as_json(Unread(unread=present_door().commit(write)))


@me_api.get("/push-key")
@enters(Entry.PUBLIC)
@describes(
    Described(
        summary="The key that a browser subscribes with, where the operator has set up Web Push",
        answer=Answered(200, "The key", PushKey),
        refusals={404: "push-not-set-up"},
    )
)
def show_push_key() -> Response:
    """Give the public key for Web Push."""
    return as_json(PushKey(public_key=public_key_of(_push_key())))


@me_api.post("/me/push-subscriptions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Wake this browser when there is news for me",
        body=Subscribe,
        answer=Answered(201, "It will be woken", Subscribed),
        refusals=BODY_WRITES | {404: "push-not-set-up", 422: PUSH_CODES},
        security=RIDER,
    )
)
def create_subscription() -> Response:
    """Subscribe a browser to the rider's notices."""
    return _subscribe(rider_of_request())


@me_api.delete("/me/push-subscriptions/<uuid:subscription_id>")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Wake this browser no more",
        given=(SUBSCRIPTION,),
        answer=Answered(204, "It is ended"),
        refusals=WRITE_REFUSALS | {404: "subscription-unknown, not-found"},
        security=RIDER,
    )
)
def end_subscription(subscription_id: UUID) -> Response:
    """End a subscription of the rider's."""
    return _unsubscribe(rider_of_request(), subscription_id)


@me_api.post("/reports/<number>/push-subscriptions")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Wake this browser when there is news of one report, an anonymous one too",
        body=Subscribe,
        given=(NUMBER, CODE_HEADER, CODE_QUERY),
        answer=Answered(201, "It will be woken", Subscribed),
        refusals=BODY_WRITES | {404: "report-not-found, push-not-set-up", 422: PUSH_CODES},
        security=RIDER_OR_NOBODY,
    )
)
def create_report_subscription(number: str) -> Response:
    """Subscribe a browser to one report's notices."""
    return _subscribe(own_report(number, reporter_of_request()).id)


@me_api.delete("/reports/<number>/push-subscriptions/<uuid:subscription_id>")
@enters(Entry.REPORTER)
@describes(
    Described(
        summary="Wake this browser no more for one report",
        given=(NUMBER, SUBSCRIPTION, CODE_HEADER, CODE_QUERY),
        answer=Answered(204, "It is ended"),
        refusals=WRITE_REFUSALS | {404: "report-not-found, subscription-unknown, not-found"},
        security=RIDER_OR_NOBODY,
    )
)
def end_report_subscription(number: str, subscription_id: UUID) -> Response:
    """End a subscription to one report."""
    return _unsubscribe(own_report(number, reporter_of_request()).id, subscription_id)


@me_api.get("/me/messenger")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Whether I am told by messenger",
        answer=Answered(200, "How it stands", MessengerAnswer),
        refusals=WHO_REFUSALS,
        security=RIDER,
    )
)
def show_messenger() -> Response:
    """Tell whether the rider is told by messenger."""
    door = present_door()
    with door.database.reading() as session:
        link = session.get(MessengerLink, rider_of_request())
    return as_json(
        MessengerAnswer(available=bool(door.settings.webhook_url), linked=link is not None)
    )


@me_api.post("/me/messenger")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Opt in to be told by messenger; a new token takes the place of the last",
        answer=Answered(201, "The token for the operator's messenger account", MessengerLinked),
        refusals=WRITE_REFUSALS | {404: "messenger-not-set-up"},
        security=RIDER,
    )
)
def link_messenger() -> Response:
    """Opt the rider in to the messenger gateway."""
    door, rider_id = present_door(), rider_of_request()
    require_messenger()
    recipient = door.commit(
        lambda session: subscriptions.link_messenger(
            session, sealer=door.sealer, rider_id=rider_id, now=now_utc()
        )
    )
    return as_json(MessengerLinked(recipient=recipient), 201)


@me_api.delete("/me/messenger")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Be told by messenger no more; a second time changes nothing",
        answer=Answered(204, "Nothing goes to the messenger any more"),
        refusals=WRITE_REFUSALS,
        security=RIDER,
    )
)
def unlink_messenger() -> Response:
    """End the rider's opt-in."""
    rider_id = rider_of_request()
    present_door().commit(
        lambda session: subscriptions.unlink_messenger(session, rider_id=rider_id, now=now_utc())
    )
    return Response(status=204)


@me_api.get("/me/suggestions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="My suggestions and requests with the office's answers, the newest first",
        given=(BEFORE, LIMIT),
        answer=Answered(200, "A page of them", SuggestionList),
        refusals=WHO_REFUSALS | {404: "suggestion-not-found", 422: "value-invalid"},
        security=RIDER,
    )
)
def list_suggestions() -> Response:
    """List the rider's own suggestions."""
    size = _size()
    with present_door().database.reading() as session:
        page = suggestions.own_suggestions(
            session, rider_id=rider_of_request(), before=request.args.get("before"), size=size
        )
    return as_json(
        SuggestionList(
            suggestions=[present.suggestion_answer(row) for row in page.rows], next=page.more
        )
    )


@me_api.post("/me/suggestions")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="Suggest something, or ask for something; tips about hazards go to /reports",
        body=SuggestionRequest,
        given=(KEY,),
        answer=Answered(201, "The office has it. A repeat gets the same answer", SuggestionAnswer),
        refusals=BODY_WRITES
        | {
            400: "body-unreadable, idempotency-key-missing, idempotency-key-invalid",
            409: "idempotency-key-reused",
            422: f"idempotency-key-missing, idempotency-key-invalid, {BODY_CODES}",
            429: "suggestions-too-many",
        },
        security=RIDER,
    )
)
def create_suggestion() -> Response:
    """Take a suggestion."""
    values, rider_id = read_body(SuggestionRequest), rider_of_request()
    key = sending.read_key(request.headers.get("Idempotency-Key"))
    row = present_door().commit(
        lambda session: suggestions.suggest(
            session,
            rider_id=rider_id,
            key=key,
            kind=values.kind,
            body=values.body,
            now=now_utc(),
        )
    )
    return as_json(present.suggestion_answer(row), 201)


@me_api.get("/me/suggestions/<number>")
@enters(Entry.RIDER)
@describes(
    Described(
        summary="One suggestion of mine, and its answer",
        given=(SUGGESTION,),
        answer=Answered(200, "The suggestion", SuggestionAnswer),
        refusals=WHO_REFUSALS | {404: "suggestion-not-found"},
        security=RIDER,
    )
)
def show_suggestion(number: str) -> Response:
    """Show one suggestion of the rider's."""
    with present_door().database.reading() as session:
        row = suggestions.find_suggestion(session, number=number, rider_id=rider_of_request())
    return as_json(present.suggestion_answer(row))


def require_messenger() -> None:
    """Raise NotFound `messenger-not-set-up` where the operator has no gateway."""
    if not present_door().settings.webhook_url:
        raise NotFound(
            "messenger-not-set-up",
            Words(
                "这里没有接入消息提醒，请在“消息”里看通知。",
                "No messenger is set up here: read notices in the app.",
            ),
        )


def _push_key() -> str:
    key = present_door().settings.vapid_private_key
    if not key:
        raise NotFound(
            "push-not-set-up",
            Words(
                "这里没有开通推送，请在“消息”里看通知。",
                "Web Push is not set up here: read notices in the app.",
            ),
        )
    return key


def _subscribe(owner_id: UUID) -> Response:
    _push_key()
    values, door = read_body(Subscribe), present_door()
    kept = subscriptions.read_subscription(
        endpoint=values.endpoint,
        p256dh=values.keys.p256dh,
        auth=values.keys.auth,
        settings=door.settings,
    )
    made = door.commit(
        lambda session: subscriptions.subscribe(
            session, sealer=door.sealer, owner_id=owner_id, kept=kept, now=now_utc()
        )
    )
    return as_json(Subscribed(id=made), 201)


def _unsubscribe(owner_id: UUID, subscription_id: UUID) -> Response:
    present_door().commit(
        lambda session: subscriptions.unsubscribe(
            session, owner_id=owner_id, subscription_id=subscription_id, now=now_utc()
        )
    )
    return Response(status=204)


def _size() -> int:
    text = request.args.get("limit") or str(PAGE)
    if not (
        len(text) <= 3 and text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_PER_PAGE
    ):
        raise _invalid("limit", f"1–{MOST_PER_PAGE}")
    return int(text)


def _uuid(name: str) -> UUID | None:
    text = request.args.get(name)
    try:
        return UUID(text) if text else None
    except ValueError:
        raise _invalid(name, "UUID") from None


def _invalid(name: str, wanted: str) -> InvalidInput:
    return InvalidInput(
        "value-invalid",
        Words(f"{name} 应为 {wanted}。", f"{name} must be: {wanted}."),
        field=name,
    )
