"""Cases as the API answers them: the same facts as on the page, in the wire's shapes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from review_ui.access.staff import SignedIn
from review_ui.casefile.reading import CaseFile
from review_ui.casework.acts import is_of_use
from review_ui.casework.advancing import standing_proposal
from review_ui.casework.explaining import ClockView, clock_views
from review_ui.casework.orders import rectification_orders
from review_ui.casework.signatures import may_sign
from review_ui.lists.counts import FIGURES, WeekCounts
from review_ui.lists.queue import Row
from schemas.acts import Act, ActCode, acts_in
from schemas.deadlines import Facts, facts_of
from schemas.divisions import divisions
from schemas.lifecycle import State, Transition, moves_from
from schemas.tables import Case, CaseHistory, Staff, Unit
from schemas.wire.cases import (
    CaseDetail,
    CaseList,
    CaseSummary,
    ClockSummary,
    CountyWeek,
    HistoryEntry,
    HoldSummary,
    OrderSummary,
    PhotoRef,
    PlaceStatement,
    PossibleAct,
    PossibleMove,
    ProposalSummary,
    ReportSummary,
    TimeStatement,
    UnitRef,
    WeekAnswer,
)
from schemas.words import Locale
from schemas.workdays import SHANGHAI, CalendarOverrides, local_date


def case_list(rows: Sequence[Row], next_cursor: str | None) -> CaseList:
    """Return a page of cases."""
    return CaseList(items=[CaseSummary(**_summary(row)) for row in rows], next_cursor=next_cursor)


def case_detail(
    session: Session,
    *,
    file: CaseFile,
    row: Row,
    staff: SignedIn,
    today: date,
    calendar: CalendarOverrides,
    locale: Locale,
) -> CaseDetail:
    """Return one case with everything that its page shows."""
    case, facts = file.case, facts_of(session, case=file.case)
    roles = staff.roles_at(file.unit.path)
    return CaseDetail(
        **_summary(row),
        latitude=case.latitude,
        longitude=case.longitude,
        accuracy_m=case.accuracy_m,
        verified_on=_day(case.verified_at),
        rectification_ordered_on=_day(case.rectification_ordered_at),
        filed_on=_day(case.filed_at),
        penalised_on=_day(case.penalised_at),
        closed_on=_day(case.closed_at),
        **_reported(file),
        moves=[_possible(move) for move in moves_from(State(case.state), roles)],
        acts=[
            _possible_act(act)
            for act in acts_in(State(case.state), roles)
            if is_of_use(act, case=case, facts=facts, today=today)
        ],
        clocks=[
            _clock(view, locale)
            for view in clock_views(case, facts=facts, today=today, calendar=calendar)
        ],
        orders=_orders(facts),
        proposal=_proposal(session, case, staff),
        legal_hold=HoldSummary(reason=file.hold.reason, held_at=file.hold.held_at)
        if file.hold
        else None,
        history=_history(session, case),
    )


def week_answer(counts: WeekCounts, locale: Locale) -> WeekAnswer:
    """Return a week's figures with their definitions."""
    return WeekAnswer(
        week=counts.week.name,
        begins_at=counts.week.begins_at,
        ends_at=counts.week.ends_at,
        counties=[
            CountyWeek(
                county_code=county.county_code,
                county=divisions()[county.county_code].name
                if county.county_code in divisions() and county.county_code
                else None,
                **county.counts,
            )
            for county in counts.counties
        ],
        totals=counts.totals,
        definitions={name: figure.definition.say(locale) for name, figure in FIGURES.items()},
    )


def _summary(row: Row) -> dict[str, Any]:
    case, clock = row.case, row.clock
    return {
        "number": case.number,
        "state": case.state,
        "version": case.version,
        "department": case.department,
        "categories": case.categories,
        "severity": case.severity,
        "premises_name": case.premises_name,
        "county_code": case.county_code,
        "unit": UnitRef(id=row.unit.id, name=row.unit.name, division_code=row.unit.division_code),
        "assignee": row.assignee,
        "flags": case.flags,
        "report_count": row.report_count,
        "received_on": local_date(case.received_at),
        "due_on": clock.due_on if clock else None,
        "due_provisional": bool(clock and clock.provisional),
        "working_days_left": clock.left if clock else None,
        "paused_since": clock.paused_since if clock else None,
        "awaits_signature": row.awaits_signature,
    }


def _reported(file: CaseFile) -> dict[str, Any]:
    return {
        "reports": [
            ReportSummary(
                pseudonym=report.pseudonym,
                rank=report.rank,
                kind=report.kind,
                linked_by_machine=report.by_machine,
                received_hour=_hour(report.received_at),
                categories=list(report.categories),
                description=report.description,
                premises_name=report.premises_name,
                premises_address=report.premises_address,
                platform=report.platform,
                withdrawn_on=_day(report.withdrawn_at),
            )
            for report in file.reports
        ],
        "photos": [
            PhotoRef(
                id=photo.photo_id,
                pseudonym=photo.pseudonym,
                sizes=list(photo.sizes),
                is_unreadable=photo.unreadable is not None,
                is_masked=photo.is_masked,
            )
            for photo in file.photos
        ],
        "places": [
            PlaceStatement(
                pseudonym=place.pseudonym,
                source=place.source,
                latitude=place.point.latitude if place.point else None,
                longitude=place.point.longitude if place.point else None,
                accuracy_m=place.accuracy_m,
                address=place.address,
                distance_m=place.distance_m,
            )
            for place in file.places
        ],
        "times": [
            TimeStatement(
                pseudonym=each.pseudonym,
                source=each.source,
                hour=_hour(each.moment),
                hours_before_receipt=round(each.before_receipt.total_seconds() / 3600),
            )
            for each in file.times
        ],
    }


def _possible(move: Transition) -> PossibleMove:
    return PossibleMove(
        to=move.target,
        required=list(move.required),
        optional=list(move.optional),
        signatures=move.signatures,
        approvers=sorted(move.approvers),
        ground=move.ground,
    )


def _possible_act(act: Act) -> PossibleAct:
    return PossibleAct(
        act=act.code,
        required=list(act.required),
        optional=list(act.optional),
        signatures=act.signatures,
        approvers=sorted(act.approvers),
        ground=act.ground,
    )


def _clock(view: ClockView, locale: Locale) -> ClockSummary:
    return ClockSummary(
        clock=view.kind,
        due_on=view.clock.due_on,
        due_provisional=view.clock.provisional,
        working_days_left=view.clock.left,
        paused_since=view.clock.paused_since,
        explanation=[sentence.say(locale) for sentence in view.sentences],
    )


def _orders(facts: Facts) -> list[OrderSummary]:
    return [
        OrderSummary(
            order_number=order.number,
            ordered_on=order.ordered_on,
            rectify_by=order.rectify_by,
            result=order.result,
            reinspected_on=order.reinspected_on,
        )
        for order in rectification_orders(facts)
    ]


def _proposal(session: Session, case: Case, staff: SignedIn) -> ProposalSummary | None:
    proposal = standing_proposal(session, case_id=case.id)
    if proposal is None:
        return None
    return ProposalSummary(
        to=None if proposal.act else State(proposal.to_state),
        act=ActCode(proposal.act) if proposal.act else None,
        record=proposal.record,
        proposed_by=session.get_one(Staff, proposal.proposed_by).name,
        proposed_at=proposal.proposed_at,
        may_sign=may_sign(session, case=case, proposal=proposal, staff=staff),
    )


def _history(session: Session, case: Case) -> list[HistoryEntry]:
    second = aliased(Staff)
    rows = session.execute(
        select(CaseHistory, Unit.name, Staff.name, second.name)
        .join(Unit, Unit.id == CaseHistory.unit_id)
        .outerjoin(Staff, Staff.id == CaseHistory.actor_id)
        .outerjoin(second, second.id == CaseHistory.second_actor_id)
        .where(CaseHistory.case_id == case.id)
        .order_by(CaseHistory.version)
    )
    return [
        HistoryEntry(
            version=row.version,
            from_state=State(row.from_state) if row.from_state else None,
            to_state=State(row.to_state),
            unit=unit,
            actors=[name for name in names if name],
            record=row.record,
            # The first entry is the receipt of the first report.
            occurred_at=_hour(row.occurred_at) if row.actor_id is None else row.occurred_at,
        )
        for row, unit, *names in rows
    ]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI).replace(minute=0, second=0, microsecond=0)


def _day(moment: datetime | None) -> date | None:
    return local_date(moment) if moment else None
