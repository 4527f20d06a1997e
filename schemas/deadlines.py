"""When a case is due, from facts alone: receipt, extensions, pauses, disputes, the calendar.

`renew` writes the date that runs now into the case; the page explains the same
`Deadline` in words, so that what is shown is what was counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any

from sqlalchemy import String, cast, null, select, union_all
from sqlalchemy.orm import Session

from schemas.acts import ActCode
from schemas.calendars import present_calendar
from schemas.lifecycle import State
from schemas.tables import Case, CaseAct, CaseHistory
from schemas.words import Words
from schemas.workdays import (
    CalendarOverrides,
    DueDate,
    Span,
    calendar_due_date,
    due_date,
    local_date,
)

# Penalty procedure art. 18: 15 working days to verify and decide on filing, +15 once.
VERIFY_WORKING_DAYS = 15
VERIFY_EXTENSION_WORKING_DAYS = 15
# Art. 64: 90 calendar days from filing to the decision, +30 once.
DECISION_DAYS = 90
DECISION_EXTENSION_DAYS = 30
# Order 121 art. 33: the parties settle a dispute within 7 working days.
DISPUTE_WORKING_DAYS = 7


class ClockKind(StrEnum):
    """Which clock it is."""

    VERIFY = "verify"
    DECISION = "decision"
    DISPUTE = "dispute"


# The reporter is told within 5 working days of a conclusion. No law says so.
FEEDBACK_WORKING_DAYS = 5

BASIS: dict[ClockKind, Words] = {
    ClockKind.VERIFY: Words(
        "收到线索后 15 个工作日内核查，并决定是否立案（《市场监督管理行政处罚程序规定》第十八条）",
        "15 working days from receipt to check and to decide on filing (Order on market "
        "regulation's penalty procedure, art. 18)",
    ),
    ClockKind.DECISION: Words(
        "立案后 90 日内作出处理决定（《市场监督管理行政处罚程序规定》第六十四条）",
        "90 days from filing to the decision (Order on market regulation's penalty procedure, "
        "art. 64)",
    ),
    ClockKind.DISPUTE: Words(
        "7 个工作日内协商确定由谁办理（市场监督管理总局令第 121 号第三十三条）",
        "7 working days to settle who handles it (SAMR Order 121, art. 33)",
    ),
}
# That order binds market regulation. What it says is the measure for the others too.
BASIS_ELSEWHERE = Words(
    "参照市场监管部门的期限：收到线索后 15 个工作日内核查（本平台的要求，不是法定期限）",
    "As for market regulation: 15 working days from receipt to check (this service's own "
    "measure, not a legal deadline)",
)
FEEDBACK_POLICY = Words(
    "有结论后 5 个工作日内告诉您（本平台的承诺，不是法定期限）",
    "You are told within 5 working days of a conclusion (this service's own promise, not a legal "
    "deadline)",
)


@dataclass(frozen=True, slots=True)
class Pause:
    """A time that does not count; `last` is None while it goes on."""

    first: date
    last: date | None
    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Deadline:
    """A due date with everything that was counted; `length` and `extension` in days of its kind."""

    kind: ClockKind
    begun_on: date
    length: int
    extension: int
    pauses: tuple[Pause, ...]
    due: DueDate
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One move (`act` None) or act of a case, as far as clocks and orders look at it."""

    version: int
    act: str | None
    from_state: str | None
    to_state: str | None
    record: Mapping[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened to a case, read in one statement, the oldest first."""

    all: tuple[Fact, ...]

    @property
    def reopened(self) -> Fact | None:
        """The move by which the case began anew, if it did."""
        found = [fact for fact in self.all if fact.to_state == State.REOPENED]
        return found[-1] if found else None

    def since_reopening(self, *codes: ActCode) -> list[Fact]:
        """Return the acts of these kinds that belong to the case's present life."""
        begun = self.reopened.version if self.reopened else 0
        return [fact for fact in self.all if fact.act in codes and fact.version > begun]


def facts_of(session: Session, *, case: Case) -> Facts:
    """Read what happened to a case."""
    nothing = cast(null(), String)
    moves = select(
        CaseHistory.version.label("version"),
        nothing.label("act"),
        cast(CaseHistory.from_state, String).label("from_state"),
        cast(CaseHistory.to_state, String).label("to_state"),
        CaseHistory.record.label("record"),
        CaseHistory.occurred_at.label("occurred_at"),
    ).where(CaseHistory.case_id == case.id)
    acts = select(
        CaseAct.version,
        cast(CaseAct.act, String),
        nothing,
        nothing,
        CaseAct.record,
        CaseAct.occurred_at,
    ).where(CaseAct.case_id == case.id)
    rows = session.execute(union_all(moves, acts).order_by("version"))
    return Facts(tuple(Fact(*row) for row in rows))


def deadline(case: Case, *, facts: Facts, calendar: CalendarOverrides) -> Deadline:
    """Return the clock that the case's due date follows: the decision's once it is filed."""
    pauses = pauses_of(case, facts=facts)
    spans: list[Span] = [(each.first, each.last) for each in pauses if each.last]
    if case.state == State.FILED and case.filed_at:
        extension = DECISION_EXTENSION_DAYS if is_extended(ClockKind.DECISION, facts) else 0
        begun_on = local_date(case.filed_at)
        due = calendar_due_date(begun_on, DECISION_DAYS + extension, paused=spans)
        return Deadline(ClockKind.DECISION, begun_on, DECISION_DAYS, extension, pauses, due)
    reopened = facts.reopened
    begun_on = local_date(reopened.occurred_at if reopened else case.received_at)
    extension = VERIFY_EXTENSION_WORKING_DAYS if is_extended(ClockKind.VERIFY, facts) else 0
    due = due_date(begun_on, VERIFY_WORKING_DAYS + extension, overrides=calendar, paused=spans)
    return Deadline(
        ClockKind.VERIFY, begun_on, VERIFY_WORKING_DAYS, extension, pauses, due, bool(reopened)
    )


def dispute_deadline(facts: Facts, *, calendar: CalendarOverrides) -> Deadline | None:
    """Return the clock of the dispute that stands, which designation of a unit ends."""
    dispute = standing_dispute(facts)
    if dispute is None:
        return None
    begun_on = date.fromisoformat(dispute.record["dispute_since"])
    due = due_date(begun_on, DISPUTE_WORKING_DAYS, overrides=calendar)
    return Deadline(ClockKind.DISPUTE, begun_on, DISPUTE_WORKING_DAYS, 0, (), due)


def standing_dispute(facts: Facts) -> Fact | None:
    """Return the dispute that no move out of dispatch has ended yet."""
    left = [fact.version for fact in facts.all if fact.from_state == State.DISPATCH]
    disputes = [
        fact
        for fact in facts.all
        if fact.act == ActCode.DISPUTE and fact.version > max(left, default=0)
    ]
    return disputes[-1] if disputes else None


def is_extended(kind: ClockKind, facts: Facts) -> bool:
    """Whether the clock had its one extension."""
    return any(act.record["clock"] == kind.value for act in facts.since_reopening(ActCode.EXTEND))


def pauses_of(case: Case, *, facts: Facts) -> tuple[Pause, ...]:
    """Return every pause since the case began or began anew, the oldest first."""
    steps = facts.since_reopening(ActCode.PAUSE, ActCode.RESUME)
    found = []
    for step, following in pairwise([*steps, None]):
        if step is None or step.act != ActCode.PAUSE:
            continue
        ended = step.record.get("pause_to")
        if not ended and following is not None:
            ended = following.record["pause_to"]
        found.append(
            Pause(
                first=date.fromisoformat(step.record["pause_from"]),
                last=date.fromisoformat(ended) if ended else None,
                kind=step.record["pause_kind"],
                reason=step.record["reason"],
            )
        )
    return tuple(found)


def renew(session: Session, *, case: Case, calendar: CalendarOverrides) -> bool:
    """Write the due date that the facts give into the case; whether it changed.

    Counted with the calendar that the database holds now, whatever this process knew
    when it began.
    """
    session.flush()
    present = present_calendar(session, base=calendar)
    due = deadline(case, facts=facts_of(session, case=case), calendar=present).due
    changed = (case.due_on, case.due_provisional) != (due.date, due.provisional)
    case.due_on, case.due_provisional = due.date, due.provisional
    return changed
