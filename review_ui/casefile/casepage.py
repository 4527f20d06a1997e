"""Puts a case page together: the file, what resembles it, and what the person may do now."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from flask import render_template, request
from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from review_ui.casefile.forms import MoveForm, Typed, act_forms, move_forms
from review_ui.casefile.notes import notes_of, staff_of
from review_ui.casefile.reading import CaseFile, open_casefile
from review_ui.casefile.resemblances import look_alikes, shop_cases
from review_ui.casefile.suspicion import numbers_behind
from review_ui.casefile.timeline import read_story, timeline
from review_ui.casefile.whereabouts import whereabouts
from review_ui.casefile.wording import Wording, wording_for
from review_ui.casework.explaining import clock_views
from review_ui.casework.orders import rectification_orders
from review_ui.casework.signatures import may_sign, name_of
from review_ui.people import People, people
from review_ui.room import person, room, today
from schemas.deadlines import facts_of
from schemas.errors import SuishoupaiError
from schemas.records import REINSPECTION_RESULTS
from schemas.tables import Case, CaseProposal
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal that waits for its second signature, as one person sees it."""

    proposal: CaseProposal
    words: Words
    proposed_by: str
    is_own: bool
    may_sign: bool


def case_page(
    session: Session,
    *,
    case: Case,
    refusal: SuishoupaiError | None = None,
    typed: Typed | None = None,
) -> str:
    """Return the page of a case in the person's scope, after a refusal with what was typed."""
    staff = person()
    file = open_casefile(session, case=case, today=today(), calendar=room().calendar)
    story = read_story(session, file=file)
    notes = notes_of(session, case_id=case.id)
    known = people(session, unit=file.unit, ids=story.staff_ids() | staff_of(notes) | _holder(file))
    alike = look_alikes(session, file=file, staff=staff)
    waiting = _waiting(session, file, staff, known)
    forms = move_forms(
        session,
        file=file,
        staff=staff,
        decisions=file.decisions,
        today=today(),
        unit_words=request.args.get("unit", "").replace("\0", "").strip()[:40],
        typed=typed,
    )
    facts = facts_of(session, case=case)
    acts = act_forms(session, file=file, staff=staff, facts=facts, today=today(), typed=typed)
    return render_template(
        "case.html",
        file=file,
        case=case,
        alike=alike,
        numbers=numbers_behind(file, alike),
        notes=notes,
        names=known.names,
        wording=_wording(session, file, forms),
        where=whereabouts(file),
        shop=shop_cases(session, case=case, staff=staff),
        events=timeline(story, people=known),
        decisions=file.decisions,
        waiting=waiting,
        forms=[form for form in (*forms, *acts) if _is_of_use(form, waiting, typed)],
        clocks=clock_views(case, facts=facts, today=today(), calendar=room().calendar),
        orders=rectification_orders(facts),
        reinspection=REINSPECTION_RESULTS,
        today=today(),
        colleagues=known.colleagues,
        me=staff.staff_id,
        tile_url=room().settings.tile_url,
        refusal=refusal,
        typed=typed,
    )


def _holder(file: CaseFile) -> set[UUID | None]:
    return {file.hold.held_by} if file.hold else set()


def _wording(session: Session, file: CaseFile, forms: Sequence[MoveForm]) -> tuple[Wording, ...]:
    """Return the templates for findings where one of the forms asks for findings."""
    if not any(each.field.name == "findings" for form in forms for each in form.fields):
        return ()
    return wording_for(session, unit=file.unit, categories=file.case.categories)


def _is_of_use(form: MoveForm, waiting: Waiting | None, typed: Typed | None) -> bool:
    """Whether a form is shown: until a proposal is decided nothing else can be proposed.

    What somebody had typed stays before them all the same.
    """
    was_typed = typed is not None and typed.form == form.key
    return waiting is None or form.move.signatures == 1 or was_typed


def _waiting(session: Session, file: CaseFile, staff: SignedIn, known: People) -> Waiting | None:
    proposal = file.proposal
    if proposal is None:
        return None
    (proposer,) = known.of(proposal.proposed_by)
    return Waiting(
        proposal,
        name_of(proposal),
        proposer,
        proposal.proposed_by == staff.staff_id,
        may_sign(session, case=file.case, proposal=proposal, staff=staff),
    )
