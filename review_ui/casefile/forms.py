"""The forms of a case page, made from the table of transitions, and what they send back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from review_ui.access.staff import SignedIn
from review_ui.casefile.reading import CaseFile
from review_ui.casework.acts import is_of_use
from review_ui.casework.advancing import acting_roles
from review_ui.casework.consequences import may_assign_to
from schemas.acts import Act, acts_in
from schemas.deadlines import Facts
from schemas.errors import InvalidInput
from schemas.lifecycle import State, Step, Transition, moves_from
from schemas.records import FIELDS, RecordField
from schemas.tables import RouteDecision, Unit
from schemas.taxonomy import CATEGORIES, DEPARTMENT_NAMES, Department, liability_articles
from schemas.units import below
from schemas.words import Words

MOST_UNITS = 300

# The step that usually comes next, from every state that has more than one.
USUAL_NEXT = (
    State.ASSIGNED,
    State.VERIFIED,
    State.VERIFYING,
    State.RECTIFYING,
    State.FILED,
    State.PENALISED,
    State.CLOSED,
)
# What a person does by choosing a target state, for headings and buttons.
ACTIONS: dict[State, Words] = {
    State.DISPATCH: Words("退回分派", "Return to dispatch"),
    State.ASSIGNED: Words("分派", "Assign"),
    State.VERIFYING: Words("开始核查", "Begin to verify"),
    State.VERIFIED: Words("查实", "Verified"),
    State.UNFOUNDED: Words("不实", "Unfounded"),
    State.UNVERIFIABLE: Words("无法查证", "Unverifiable"),
    State.RECTIFYING: Words("责令改正", "Order rectification"),
    State.FILED: Words("立案", "File"),
    State.NOT_FILED: Words("不予立案", "Do not file"),
    State.PENALISED: Words("处罚", "Penalise"),
    State.NO_PENALTY: Words("不予处罚", "No penalty"),
    State.WITHDRAWN: Words("撤销立案", "Withdraw the filing"),
    State.TRANSFERRED: Words("移送其他部门", "Transfer to another department"),
    State.INVALID: Words("不属举报", "Not a report"),
    State.CLOSED: Words("办结", "Close"),
    State.REOPENED: Words("重新办理", "Reopen"),
}
# People think in yuan; fen begin behind this door.
MONEY_LABELS = {
    "fine_fen": Words("罚款（元）", "Fine (yuan)"),
    "confiscation_fen": Words("没收（元）", "Confiscated (yuan)"),
}
_YUAN_HINT = Words("最多两位小数，没有填 0", "at most two decimals; 0 if none")


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a form: what it asks, what stands in it already, and what is suggested."""

    field: RecordField
    label: Words
    hint: Words | None
    is_required: bool
    value: Any = ""
    choices: Mapping[str, Words] = field_of(default_factory=dict)
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitChoice:
    """A unit to which a case can be handed; `distance_m` for a candidate of the routing."""

    unit_id: UUID
    name: str
    is_candidate: bool
    distance_m: float | None = None


@dataclass(frozen=True, slots=True)
class MoveForm:
    """The form of one permitted step; `is_next` for the one that usually comes next.

    `key` is the target state of a move or the code of an act, which leaves the state.
    """

    move: Step
    key: str
    words: Words
    fields: tuple[FormField, ...]
    is_next: bool = False
    units: tuple[UnitChoice, ...] = ()

    @property
    def is_act(self) -> bool:
        """Whether it leaves the state."""
        return isinstance(self.move, Act)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a person had typed into a form that was refused, and the field at fault."""

    form: str
    values: Mapping[str, Any] = field_of(default_factory=dict)
    field_at_fault: str | None = None


def move_forms(
    session: Session,
    *,
    file: CaseFile,
    staff: SignedIn,
    decisions: Sequence[RouteDecision],
    today: date,
    unit_words: str = "",
    typed: Typed | None = None,
) -> tuple[MoveForm, ...]:
    """Return the forms of the moves that someone may make now, the usual next one first."""
    state = State(file.case.state)
    moves = [
        move
        for move in moves_from(state, staff.roles_at(file.unit.path))
        if acting_roles(session, case=file.case, staff=staff, move=move)
    ]
    usual = next((each for each in USUAL_NEXT if any(m.target is each for m in moves)), None)
    known = known_values(file, today)
    forms = []
    for move in moves:
        values = {**known, **(typed.values if typed and typed.form == move.target else {})}
        units = (
            _unit_choices(session, file, staff, move, decisions, unit_words)
            if "unit_id" in move.required
            else ()
        )
        forms.append(
            MoveForm(
                move, move.target, _action(move), _fields(move, values, file),
                move.target is usual, units,
            )
        )  # fmt: skip
    return tuple(sorted(forms, key=lambda form: not form.is_next))


def act_forms(
    session: Session,
    *,
    file: CaseFile,
    staff: SignedIn,
    facts: Facts,
    today: date,
    typed: Typed | None = None,
) -> tuple[MoveForm, ...]:
    """Return the forms of what someone may do now that leaves the state."""
    case = file.case
    known = known_values(file, today)
    forms = []
    for act in acts_in(State(case.state), staff.roles_at(file.unit.path)):
        was_typed = typed is not None and typed.form == act.code
        if not was_typed and not is_of_use(act, case=case, facts=facts, today=today):
            continue
        if acting_roles(session, case=case, staff=staff, move=act):
            values = {**known, **(typed.values if typed and was_typed else {})}
            forms.append(MoveForm(act, act.code, act.verb, _fields(act, values, file)))
    return tuple(forms)


def known_values(file: CaseFile, today: date) -> dict[str, Any]:
    """Return what a form can be prefilled with from the case itself."""
    address = next((r.premises_address for r in file.reports if r.premises_address), "")
    return {
        "visited_on": today.isoformat(),
        "notice_date": today.isoformat(),
        "decided_on": today.isoformat(),
        "published_on": today.isoformat(),
        "visit_place": file.case.premises_name or address,
        "actual_address": address,
        "confiscation_fen": "0",
        "pause_from": today.isoformat(),
        "dispute_since": today.isoformat(),
    }


def read_record(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the record that a form sent, yuan turned into fen, without empty fields.

    Whether its fields belong to the move is checked where the record is. Raises
    InvalidInput `record-field-invalid` for a sum of money that is none.
    """
    record: dict[str, Any] = {}
    for name, each in FIELDS.items():
        if each.kind == "choices":
            record[name] = form.getlist(name)
        elif each.kind == "money":
            record[name] = _fen(name, form.get(name, ""))
        else:
            record[name] = form.get(name, "").replace("\r\n", "\n")
    return {name: value for name, value in record.items() if value not in ("", [])}


def typed_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return everything a person typed into a form's fields, as they typed it."""
    return {
        name: form.getlist(name) if each.kind == "choices" else form.get(name, "")
        for name, each in FIELDS.items()
        if form.getlist(name)
    }


def _action(move: Transition) -> Words:
    if move.source is State.RECTIFYING and move.target is State.VERIFIED:
        return Words("复查", "Re-inspect")
    if move.source is State.INVALID:
        return Words("撤销“不属举报”，重新分派", "Undo: back to dispatch")
    return ACTIONS[move.target]


def _fields(step: Step, values: Mapping[str, Any], file: CaseFile) -> tuple[FormField, ...]:
    fields = (
        FormField(
            field=FIELDS[name],
            label=MONEY_LABELS.get(name, FIELDS[name].words),
            hint=_YUAN_HINT if name in MONEY_LABELS else FIELDS[name].hint,
            is_required=name in step.required,
            value=values.get(name, ""),
            choices=_choices(FIELDS[name], file),
            suggestions=liability_articles(file.case.categories) if name == "law_article" else (),
        )
        for name in (*step.required, *step.optional)
    )
    # A choice of nothing is not asked.
    return tuple(each for each in fields if each.choices or each.field.kind != "choice")


def _choices(asked: RecordField, file: CaseFile) -> Mapping[str, Words]:
    if asked.name == "deciding_addition":
        return {
            report.pseudonym: Words(report.pseudonym, report.pseudonym)
            for report in file.reports
            if report.additions
        }
    if asked.name != "split_categories":
        return asked.choices or {}
    return {
        each.code: Words(
            f"{each.words.zh}（{DEPARTMENT_NAMES[each.department].zh}）",
            f"{each.words.en} ({DEPARTMENT_NAMES[each.department].en})",
        )
        for each in CATEGORIES
        if each.department != file.case.department
    }


def _fen(name: str, text: str) -> int | str:
    text = re.sub(r"[\s,，¥]", "", text)
    if not text:
        return ""
    if re.fullmatch(r"\d{1,10}(\.\d{1,2})?", text):
        return int(Decimal(text) * 100)
    label = MONEY_LABELS[name]
    raise InvalidInput(
        "record-field-invalid",
        Words(
            f"“{label.zh}”填写有误（{_YUAN_HINT.zh}）。",
            f"“{label.en}” is not right ({_YUAN_HINT.en}).",
        ),
        field=name,
    )


def _unit_choices(
    session: Session,
    file: CaseFile,
    staff: SignedIn,
    move: Transition,
    decisions: Sequence[RouteDecision],
    words: str,
) -> tuple[UnitChoice, ...]:
    """Return the units that someone may hand the case to: the routing's candidates first.

    Too many to choose from are left out until `words` of a name narrow them down.
    """
    near = _candidates(decisions)
    paths = [held.unit_path for held in staff.held if held.role in move.roles]
    in_reach = Unit.department == file.case.department
    if file.case.department == Department.MARKET:
        in_reach &= below(Unit.id, paths)
    units = session.scalars(
        select(Unit)
        .where(in_reach, Unit.division_code.in_(near) | Unit.name.contains(words, autoescape=True))
        .order_by(Unit.division_code)
    ).all()
    choices = [
        UnitChoice(unit.id, unit.name, unit.division_code in near, near.get(unit.division_code))
        for unit in units
        if may_assign_to(unit=unit, case=file.case, staff=staff, move=move)
    ]
    candidates = sorted(
        (each for each in choices if each.is_candidate), key=lambda each: each.distance_m or 0.0
    )
    others = [each for each in choices if not each.is_candidate]
    return (*candidates, *(others if len(others) <= MOST_UNITS else ()))


def _candidates(decisions: Sequence[RouteDecision]) -> dict[str, float | None]:
    """Return the county codes that the routing considered, with their distance in metres."""
    near: dict[str, float | None] = {}
    for decision in decisions:
        if decision.county_code:
            near.setdefault(decision.county_code, 0.0)
        for candidate in decision.candidates:
            near.setdefault(candidate["code"], candidate.get("distance_m"))
    return near
