"""Awards and the ledger for other programs: the same rules as on the pages."""

from collections.abc import Callable
from uuid import UUID

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from intake.bodies import as_json, read_body
from intake.doorway import Entry, enters
from review_ui.access.scope import unit_by_text
from review_ui.presenting import say
from review_ui.rewards import decisions
from review_ui.rewards.awards import (
    AwardFile,
    AwardLine,
    EntryLine,
    find_award,
    page_of_awards,
    read_account,
    read_award,
)
from review_ui.rewards.honours import honours, periods_of, read_period
from review_ui.room import moment, person, room, today
from review_ui.routes.rewards import read_after, read_status
from schemas.access import Right
from schemas.tables import PointAward
from schemas.wire.openapi import Answered, Described, Given, describes
from schemas.wire.points import (
    AccountAnswer,
    AwardAnswer,
    AwardEnd,
    AwardFileAnswer,
    AwardList,
    CandidateAnswer,
    EntryAnswer,
    HonourAnswer,
    HonourList,
    TaskAward,
)

rewards_api = Blueprint("rewards_api", __name__, url_prefix="/api/v1/rewards")

_AWARD = Given("award_id", "path", "the award's id", format="uuid")
_AWAY = {401: "token-unknown", 404: "not-found", 503: "database-away"}
_DECIDED = {**_AWAY, 403: "own-verification", 409: "award-decided, case-under-review, not-excluded"}
_BODY = {400: "body-unreadable", 413: "too-large", 415: "content-type-unsupported"}
_FIELDS = "field-unknown, field-missing, value-invalid"
_FILE = Answered(200, "The award as it is now", AwardFileAnswer)


@rewards_api.get("/awards")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Awards of one's own area: those that wait, unless another status is asked for",
        given=(
            Given("status", "query", "pending, approved, refused, reversed, capped or all"),
            Given("after", "query", "`next_after` of the page before"),
        ),
        answer=Answered(200, "A page of awards", AwardList),
        refusals=_AWAY,
        security=("staff",),
    )
)
def list_awards() -> Response:
    """List awards."""
    with room().database.reading() as db:
        page = page_of_awards(db, staff=person(), status=read_status(), after=read_after())
    items = [AwardAnswer(**_line(line)) for line in page.lines]
    return as_json(AwardList(items=items, next_after=page.next_after))


@rewards_api.get("/awards/<uuid:award_id>")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="One award, with who qualifies and why",
        given=(_AWARD,),
        answer=_FILE,
        refusals=_AWAY,
        security=("staff",),
    )
)
def show_award(award_id: UUID) -> Response:
    """Show one award."""
    with room().database.reading() as db:
        return _file(read_award(db, award_id=award_id, staff=person()))


@rewards_api.post("/awards/<uuid:award_id>/approval")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Approve an award; never by whoever took part in the verification",
        given=(_AWARD,),
        answer=_FILE,
        refusals=_DECIDED,
        security=("staff",),
    )
)
def approve(award_id: UUID) -> Response:
    """Approve an award."""
    return _decided(
        award_id,
        lambda db, award: decisions.approve(
            db, award_id=award.id, staff_id=person().staff_id, now=moment()
        ),
    )


@rewards_api.post("/awards/<uuid:award_id>/end")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Refuse an award that waits, or reverse one that was approved",
        body=AwardEnd,
        given=(_AWARD,),
        answer=_FILE,
        refusals={**_DECIDED, **_BODY, 422: f"exclusion-unknown, reason-missing, {_FIELDS}"},
        security=("staff",),
    )
)
def end(award_id: UUID) -> Response:
    """Refuse or reverse an award."""
    wanted = read_body(AwardEnd)
    return _decided(
        award_id,
        lambda db, award: decisions.end_award(
            db, award_id=award.id, staff_id=person().staff_id, now=moment(), **wanted.model_dump()
        ),
    )


@rewards_api.post("/awards/<uuid:award_id>/restoration")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Take an exclusion back, so that the incident is awarded anew",
        given=(_AWARD,),
        answer=_FILE,
        refusals=_DECIDED,
        security=("staff",),
    )
)
def restore(award_id: UUID) -> Response:
    """Let a tip earn points again."""
    return _decided(
        award_id,
        lambda db, award: decisions.restore(
            db, award_id=award.id, staff_id=person().staff_id, now=moment()
        ),
    )


@rewards_api.post("/tasks")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Award an appointed supervisor's task; another officer approves it",
        body=TaskAward,
        answer=Answered(201, "The award", AwardFileAnswer),
        refusals={
            **_AWAY,
            **_BODY,
            409: "task-awarded",
            422: "account-unknown, not-a-supervisor, rider-excluded, reason-missing, "
            f"unit-unknown, unit-ambiguous, {_FIELDS}",
        },
        security=("staff",),
    )
)
def award_task() -> Response:
    """Award a supervisor's task."""
    wanted = read_body(TaskAward)
    with room().database.writing() as db:
        paths = person().paths(Right.MANAGE_REWARDS)
        made = decisions.award_task(
            db,
            pseudonym=wanted.account.replace("\0", ""),
            task=wanted.task,
            unit_id=unit_by_text(db, paths=paths, text=wanted.unit.replace("\0", "")).id,
            staff_id=person().staff_id,
            now=moment(),
        )
        return _file(read_award(db, award_id=made.id, staff=person()), 201)


@rewards_api.get("/accounts/<pseudonym>")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="The ledger of one account, by its pseudonym",
        given=(Given("pseudonym", "path", "`account` of an award"),),
        answer=Answered(200, "The account", AccountAnswer),
        refusals=_AWAY,
        security=("staff",),
    )
)
def show_account(pseudonym: str) -> Response:
    """Show the ledger of one account."""
    with room().database.reading() as db:
        account = read_account(db, pseudonym=pseudonym.replace("\0", ""), staff=person())
    return as_json(
        AccountAnswer(
            account=account.pseudonym,
            balance=account.balance,
            pending=account.pending,
            is_barred=account.is_barred,
            entries=[_entry(each) for each in account.entries],
        )
    )


@rewards_api.get("/honours")
@enters(Entry.MANAGE_REWARDS)
@describes(
    Described(
        summary="Who earned most in a period, by pseudonym",
        given=(Given("period", "query", "2026, 2026-Q4 or 2026-11; else this month"),),
        answer=Answered(200, "The list, the best first", HonourList),
        refusals={**_AWAY, 422: "period-invalid"},
        security=("staff",),
    )
)
def list_honours() -> Response:
    """List who earned most in a period."""
    period = read_period(request.args.get("period", "") or periods_of(today())[0])
    with room().database.reading() as db:
        rows = honours(db, staff=person(), period=period)
    items = [
        HonourAnswer(rank=each.rank, account=each.account, points=each.points, awards=each.awards)
        for each in rows
    ]
    return as_json(HonourList(period=period.name, first=period.first, end=period.end, items=items))


def _decided(award_id: UUID, decide: Callable[[Session, PointAward], object]) -> Response:
    with room().database.writing() as db:
        decide(db, find_award(db, award_id=award_id, staff=person()))
        return _file(read_award(db, award_id=award_id, staff=person()))


def _file(file: AwardFile, status: int = 200) -> Response:
    answer = AwardFileAnswer(
        **_line(file.line),
        categories=list(file.categories),
        candidates=[
            CandidateAnswer(rank=each.rank, says=say(each.says), earns=each.earns)
            for each in file.candidates
        ],
        verified_by=list(file.verified_by),
        decided_by=file.decided_by,
        decided_on=file.decided_on,
        reason=file.reason,
        is_own_verification=file.is_own,
        is_under_review=file.is_under_review,
        entries=[_entry(each) for each in file.entries],
    )
    return as_json(answer, status)


def _line(line: AwardLine) -> dict[str, object]:
    return {
        "id": line.id,
        "account": line.pseudonym,
        "rule": say(line.rule),
        "status": line.status.value,
        "points": line.points,
        "uncapped_points": line.uncapped_points,
        "unit": line.unit_name,
        "verified_on": line.earned_on,
        "awarded_on": line.made_on,
        "note": line.note,
        "ended": say(line.ended) if line.ended else None,
    }


def _entry(entry: EntryLine) -> EntryAnswer:
    return EntryAnswer(
        id=entry.id,
        on=entry.on,
        text=say(entry.name),
        points=entry.points,
        reason=entry.reason,
        award_id=entry.award_id,
    )
