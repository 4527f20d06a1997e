"""The case page: everything about one case, and the forms of what may be done with it."""

from uuid import UUID

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from intake.doorway import Entry, enters, not_found, request_id
from review_ui.access.scope import find_case
from review_ui.casefile.drawing import drawn_cases, drawn_claims
from review_ui.casefile.forms import read_record, typed_values
from review_ui.casefile.reading import open_casefile
from review_ui.casefile.resemblances import shop_cases
from review_ui.casefile.whereabouts import whereabouts
from review_ui.casework.advancing import advance, confirm, send_back
from review_ui.casework.assignment import assign
from review_ui.casework.links import accept_suggestion, reject_suggestion, unlink_report
from review_ui.room import moment, person, room, today
from review_ui.routes.stepping import Act, do_step, show_page, uuid_or_nobody
from schemas.jobs import PROCESS_REPORT
from schemas.lifecycle import STATE_NAMES, State
from schemas.tables import Case
from schemas.words import Words

cases = Blueprint("cases", __name__, url_prefix="/cases")

_SIGNED = Words("已签字，案件改为“{}”。", "Signed: the case is now “{}”.")
_MOVED = Words("案件已改为“{}”。", "The case is now “{}”.")
_PROPOSED = Words(
    "已提出“{}”，等另一个人签字。", "“{}” is proposed and waits for another person's signature."
)


@cases.get("/<number>")
@enters(Entry.SEE_CASES)
def show_case(number: str) -> str:
    """Show a case."""
    return show_page(number)


@cases.get("/<number>/map.json")
@enters(Entry.SEE_CASES)
def show_map(number: str) -> Response:
    """Return what the map of a case draws: claims, the lines between them, cases near by."""
    with room().database.reading() as db:
        case = find_case(db, number=number, staff=person())
        file = open_casefile(db, case=case, today=today(), calendar=room().calendar)
        where = whereabouts(file)
        near = drawn_cases(shop_cases(db, case=case, staff=person()))
        points = [mark.point for mark in where.marks] or [point for _, point in near]
        outlines = room().outlines.around(db, points=points, on=today())
    return jsonify(outlines=outlines, **drawn_claims(where), cases=[each for each, _ in near])


@cases.post("/<number>/moves")
@enters(Entry.WORK_CASES)
def move_case(number: str) -> WerkzeugResponse:
    """Make a move of the table of transitions, or propose it."""
    target = request.form.get("to", "")
    if target not in set(State):
        raise not_found()

    def act(db: Session, case: Case, version: int) -> Words:
        outcome = advance(
            db,
            case_id=case.id,
            staff=person(),
            to=State(target),
            version=version,
            record=read_record(request.form),
            now=moment(),
            calendar=room().calendar,
        )
        words = _PROPOSED if outcome.proposal else _MOVED
        if not outcome.proposal:
            room().metrics.moves.labels(to=target).inc()
        return _filled(words, State(target))

    return take_step(number, act, form=target)


@cases.post("/<number>/signatures")
@enters(Entry.WORK_CASES)
def sign_case(number: str) -> WerkzeugResponse:
    """Sign what a colleague proposed, or send it back."""
    decision = request.form.get("decision", "")
    if decision not in ("confirm", "send_back"):
        raise not_found()

    def act(db: Session, case: Case, version: int) -> Words:
        if decision == "send_back":
            reason = request.form.get("reason", "")
            send_back(
                db, case_id=case.id, staff=person(), version=version, reason=reason, now=moment()
            )
            return Words("已退回。", "Sent back.")
        before = case.state
        outcome = confirm(
            db,
            case_id=case.id,
            staff=person(),
            version=version,
            now=moment(),
            calendar=room().calendar,
        )
        if outcome.case.state == before:
            return Words("已签字。", "Signed.")
        room().metrics.moves.labels(to=outcome.case.state).inc()
        return _filled(_SIGNED, State(outcome.case.state))

    return take_step(number, act, form="signature")


@cases.post("/<number>/assignee")
@enters(Entry.WORK_CASES)
def assign_case(number: str) -> WerkzeugResponse:
    """Put the case into somebody's hands."""

    def act(db: Session, case: Case, version: int) -> Words:
        assign(
            db,
            case_id=case.id,
            staff=person(),
            version=version,
            assignee_id=uuid_or_nobody(request.form.get("assignee_id", "")),
        )
        return Words("经办人已更新。", "Updated who has it in hand.")

    return take_step(number, act, form="assignee")


@cases.post("/<number>/reports/<uuid:link_id>/unlink")
@enters(Entry.WORK_CASES)
def unlink(number: str, link_id: UUID) -> WerkzeugResponse:
    """Take a report out of the case; the pipeline then opens another case for it."""
    taken_out: list[UUID] = []

    def act(db: Session, case: Case, version: int) -> Words:
        taken_out.append(
            unlink_report(
                db,
                case_id=case.id,
                link_id=link_id,
                staff=person(),
                version=version,
                now=moment(),
                calendar=room().calendar,
            )
        )
        return Words(
            "举报已移出，系统将为它另立案件。",
            "The report was taken out; another case will be opened for it.",
        )

    answer = take_step(number, act, form="reports")
    if answer.status_code < 400:
        for report_id in taken_out:
            # After the commit: a job that is quicker than that would find nothing to do.
            room().queue.put(PROCESS_REPORT, report_id, request_id=request_id() or "")
    return answer


@cases.post("/<number>/matches/<uuid:match_id>")
@enters(Entry.WORK_CASES)
def decide_match(number: str, match_id: UUID) -> WerkzeugResponse:
    """Take over the report that a resemblance suggests, or say that it is another incident."""
    decision = request.form.get("decision", "")
    if decision not in ("accept", "reject"):
        raise not_found()

    def act(db: Session, case: Case, version: int) -> Words:
        if decision == "accept":
            accept_suggestion(
                db,
                case_id=case.id,
                match_id=match_id,
                staff=person(),
                version=version,
                now=moment(),
                calendar=room().calendar,
            )
            return Words("举报已并入本案。", "The report now stands in this case.")
        reject_suggestion(
            db,
            case_id=case.id,
            match_id=match_id,
            staff=person(),
            version=version,
            now=moment(),
        )
        return Words("已记为不是同一线索。", "Noted as another incident.")

    return take_step(number, act, form="matches")


def take_step(number: str, act: Act, *, form: str) -> WerkzeugResponse:
    """Do one step in one transaction; a refusal shows the page again with what was typed."""
    return do_step(number, act, form=form, values=typed_values(request.form))


def _filled(words: Words, state: State) -> Words:
    name = STATE_NAMES[state]
    return Words(words.zh.format(name.zh), words.en.format(name.en))
