"""What an act within a state needs and brings: extensions, pauses, orders, disputes, splits."""

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from review_ui.access.staff import SignedIn
from review_ui.casework.orders import rectification_orders
from review_ui.casework.splitting import open_split_cases
from schemas.acts import Act, ActCode
from schemas.deadlines import (
    ClockKind,
    Facts,
    deadline,
    facts_of,
    is_extended,
    pauses_of,
    renew,
    standing_dispute,
)
from schemas.errors import Conflict, InvalidInput
from schemas.lifecycle import State
from schemas.tables import Case, CaseAct
from schemas.words import Words
from schemas.workdays import NO_OVERRIDES, CalendarOverrides, local_date

_RAN_OUT = Words(
    "期限已经届满，不能再延长或暂停。", "The clock has run out: it can't be extended or paused."
)


def check_act(
    session: Session, *, case: Case, act: Act, record: dict[str, Any], now: datetime
) -> None:
    """Refuse an act that the case's facts forbid.

    Raises Conflict `clock-ran-out`, `extended-already`, `paused-already`, `not-paused`,
    `order-running`, `no-order`, `dispute-standing`, and InvalidInput `pause-overlaps`.
    """
    facts = facts_of(session, case=case)
    today = local_date(now)
    match act.code:
        case ActCode.EXTEND:
            _check_extension(case, facts, today)
        case ActCode.PAUSE:
            _check_pause(case, facts, record)
        case ActCode.RESUME:
            _check_resume(case, record)
        case ActCode.DISPUTE if standing_dispute(facts):
            raise Conflict(
                "dispute-standing",
                Words("管辖争议已经登记。", "A dispute is registered already."),
            )
        case ActCode.ORDER | ActCode.REINSPECT:
            _check_order(act, running=has_running_order(facts))


def is_of_use(act: Act, *, case: Case, facts: Facts, today: date) -> bool:
    """Whether the case's facts leave room for the act, so that its form is worth showing."""
    running_order = has_running_order(facts)
    room_for = {
        ActCode.EXTEND: not is_extended(_running_clock(case), facts)
        and not _has_run_out(case, today),
        ActCode.PAUSE: case.paused_since is None,
        ActCode.RESUME: case.paused_since is not None,
        ActCode.DISPUTE: standing_dispute(facts) is None,
        ActCode.ORDER: not running_order,
        ActCode.REINSPECT: running_order,
    }
    return room_for.get(act.code, True)


def has_running_order(facts: Facts) -> bool:
    """Whether an order waits for its re-inspection."""
    return any(order.is_running for order in rectification_orders(facts))


def settle_act(
    session: Session,
    *,
    case: Case,
    done: CaseAct,
    staff: SignedIn,
    now: datetime,
    calendar: CalendarOverrides = NO_OVERRIDES,
) -> None:
    """Write the act and do to the case all that it brings.

    Raises what review_ui.casework.splitting adds.
    """
    code = ActCode(done.act)
    if code is ActCode.EXTEND:
        done.record = {**done.record, "clock": _running_clock(case).value}
    session.add(done)
    if code is ActCode.PAUSE and "pause_to" not in done.record:
        case.paused_since = date.fromisoformat(done.record["pause_from"])
    if code is ActCode.RESUME:
        case.paused_since = None
    if code is ActCode.ORDER:
        case.rectification_ordered_at = case.rectification_ordered_at or now
    if code is ActCode.SPLIT:
        open_split_cases(
            session, case=case, record=done.record, staff=staff, now=now, calendar=calendar
        )
    if code in (ActCode.EXTEND, ActCode.PAUSE, ActCode.RESUME):
        renew(session, case=case, calendar=calendar)


def _running_clock(case: Case) -> ClockKind:
    return ClockKind.DECISION if case.state == State.FILED else ClockKind.VERIFY


def _has_run_out(case: Case, today: date) -> bool:
    return case.due_on < today and case.paused_since is None


def _check_extension(case: Case, facts: Facts, today: date) -> None:
    if is_extended(_running_clock(case), facts):
        raise Conflict(
            "extended-already",
            Words("这个期限已经延长过一次。", "This clock was extended once already."),
        )
    if _has_run_out(case, today):
        raise Conflict("clock-ran-out", _RAN_OUT)


def _check_pause(case: Case, facts: Facts, record: dict[str, Any]) -> None:
    if case.paused_since:
        raise Conflict("paused-already", Words("期限正在暂停。", "The clock is paused already."))
    first = date.fromisoformat(record["pause_from"])
    last = date.fromisoformat(record.get("pause_to", date.max.isoformat()))
    begun_on = deadline(case, facts=facts, calendar=NO_OVERRIDES).begun_on
    if first > case.due_on:
        raise Conflict("clock-ran-out", _RAN_OUT, field="pause_from")
    overlaps = any(
        each.last is None or (first <= each.last and each.first <= last)
        for each in pauses_of(case, facts=facts)
    )
    if overlaps or first < begun_on:
        raise InvalidInput(
            "pause-overlaps",
            Words(
                f"暂停须在 {begun_on} 以后，且不能与已登记的暂停重叠。",
                f"A pause must lie after {begun_on} and not overlap one that is registered.",
            ),
            field="pause_from",
        )


def _check_resume(case: Case, record: dict[str, Any]) -> None:
    if case.paused_since is None:
        raise Conflict("not-paused", Words("期限没有暂停。", "The clock is not paused."))
    if date.fromisoformat(record["pause_to"]) < case.paused_since:
        raise InvalidInput(
            "pause-overlaps",
            Words(
                f"暂停的结束不能早于开始（{case.paused_since}）。",
                f"A pause can't end before it begins ({case.paused_since}).",
            ),
            field="pause_to",
        )


def _check_order(act: Act, *, running: bool) -> None:
    if act.code is ActCode.ORDER and running:
        raise Conflict(
            "order-running",
            Words(
                "已有责令改正在执行，请先复查。",
                "A rectification order is running: re-inspect first.",
            ),
        )
    if act.code is ActCode.REINSPECT and not running:
        raise Conflict(
            "no-order", Words("没有待复查的责令改正。", "No rectification order is running.")
        )
