"""What is done with a case while its state stays: extensions, pauses, orders, splits."""

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from intake.doorway import Entry, enters, not_found
from review_ui.casefile.forms import read_record
from review_ui.casework.advancing import act
from review_ui.room import moment, person, room
from review_ui.routes.cases import take_step
from schemas.acts import ActCode, act_of
from schemas.tables import Case
from schemas.words import Words

acts = Blueprint("acts", __name__, url_prefix="/cases")


@acts.post("/<number>/acts")
@enters(Entry.WORK_CASES)
def do_act(number: str) -> Response:
    """Do something that leaves the case's state, or propose it."""
    code = request.form.get("act", "")
    if code not in set(ActCode):
        raise not_found()
    name = act_of(ActCode(code)).words

    def do(db: Session, case: Case, version: int) -> Words:
        outcome = act(
            db,
            case_id=case.id,
            staff=person(),
            code=ActCode(code),
            version=version,
            record=read_record(request.form),
            now=moment(),
            calendar=room().calendar,
        )
        if outcome.proposal:
            return Words(
                f"已提出“{name.zh}”，等另一个人签字。",
                f"“{name.en}” is proposed and waits for another person's signature.",
            )
        return Words(f"已登记：{name.zh}。", f"Registered: {name.en}.")

    return take_step(number, do, form=code)
