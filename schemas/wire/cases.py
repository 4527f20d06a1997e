"""Cases over the wire: what other systems of the staff read and send.

Reporters appear by pseudonym, and their moments by the hour: the exact moment of a
tip could tell the shop who was there.
"""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from schemas.acts import ActCode
from schemas.deadlines import ClockKind
from schemas.lifecycle import State


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class UnitRef(_Answer):
    """A unit that handles cases."""

    id: UUID
    name: str
    division_code: str = Field(description="GB/T 2260, 6 digits; 12 for a street")


class CaseSummary(_Answer):
    """One case as a list shows it."""

    number: str = Field(examples=["AJ20261121-7KQ4MX-3"])
    state: State
    version: int = Field(description="send it with a transition; a stale one is refused with 409")
    department: str
    categories: list[str]
    severity: int = Field(ge=1, le=5)
    premises_name: str
    county_code: str | None
    unit: UnitRef
    assignee: str | None = Field(description="name of who has it in hand")
    flags: list[str]
    report_count: int
    received_on: date = Field(description="day of the first receipt, Asia/Shanghai")
    due_on: date | None = Field(description="null where nothing is owed any more")
    due_provisional: bool
    working_days_left: int | None = Field(description="negative when overdue")
    paused_since: date | None = Field(description="while the clock stands still")
    awaits_signature: bool


class CaseList(_Answer):
    """A page of cases ordered by due date; ask on with `next_cursor`."""

    items: list[CaseSummary]
    next_cursor: str | None


class PlaceStatement(_Answer):
    """One statement of where, WGS-84 degrees."""

    pseudonym: str
    source: str
    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    address: str | None
    distance_m: float | None = Field(description="from the place that the case goes by")


class TimeStatement(_Answer):
    """One statement of when, to the hour."""

    pseudonym: str
    source: str
    hour: datetime
    hours_before_receipt: int = Field(description="negative when after it")


class PhotoRef(_Answer):
    """A photo and where its derivatives are served to a signed-in browser."""

    id: UUID
    pseudonym: str
    sizes: list[int]
    is_unreadable: bool
    is_masked: bool = Field(description="the reporter hid parts of it; the original is whole")


class ReportSummary(_Answer):
    """One report that stands in the case."""

    pseudonym: str
    rank: int
    kind: Literal["first", "same_incident", "legal_duplicate"]
    linked_by_machine: bool
    received_hour: datetime
    categories: list[str]
    description: str
    premises_name: str
    premises_address: str
    platform: str
    withdrawn_on: date | None


class PossibleMove(_Answer):
    """A transition that the caller may make now, and what it must and may record."""

    to: State
    required: list[str]
    optional: list[str]
    signatures: int
    approvers: list[str] = Field(description="roles that sign second; never who proposed it")
    ground: str = Field(description="the rule it rests on")


class PossibleAct(_Answer):
    """Something that the caller may do now and that leaves the state."""

    act: ActCode
    required: list[str]
    optional: list[str]
    signatures: int
    approvers: list[str] = Field(description="roles that sign second; never who proposed it")
    ground: str = Field(description="the rule it rests on")


class ClockSummary(_Answer):
    """One clock that runs, with how its date came about."""

    clock: ClockKind
    due_on: date
    due_provisional: bool = Field(description="reaches a year without a published calendar")
    working_days_left: int = Field(description="negative when overdue")
    paused_since: date | None
    explanation: list[str] = Field(description="sentences, in the language of the request")


class OrderSummary(_Answer):
    """One rectification order; it runs beside whatever state the case is in."""

    order_number: str
    ordered_on: date
    rectify_by: date
    result: Literal["corrected", "not-corrected"] | None = Field(description="null while it runs")
    reinspected_on: date | None


class ProposalSummary(_Answer):
    """A step that waits for its second signature: a move (`to`) or an act."""

    to: State | None
    act: ActCode | None
    record: dict[str, Any]
    proposed_by: str
    proposed_at: datetime
    may_sign: bool


class HistoryEntry(_Answer):
    """One change of the case's state."""

    version: int
    from_state: State | None
    to_state: State
    unit: str
    actors: list[str] = Field(description="names; two where two signed, none for the machine")
    record: dict[str, Any]
    occurred_at: datetime


class HoldSummary(BaseModel):
    """A legal hold that stands: the reporters' sealed data is kept, and why."""

    reason: str
    held_at: datetime


class CaseDetail(CaseSummary):
    """One case with everything that its page shows."""

    latitude: float | None
    longitude: float | None
    accuracy_m: float | None
    verified_on: date | None
    rectification_ordered_on: date | None
    filed_on: date | None
    penalised_on: date | None
    closed_on: date | None
    reports: list[ReportSummary]
    photos: list[PhotoRef]
    places: list[PlaceStatement]
    times: list[TimeStatement]
    moves: list[PossibleMove]
    acts: list[PossibleAct]
    clocks: list[ClockSummary]
    orders: list[OrderSummary]
    proposal: ProposalSummary | None
    legal_hold: HoldSummary | None
    history: list[HistoryEntry]


class TransitionRequest(BaseModel):
    """Move a case: where to, the version that was read, and what is to be recorded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    to: State = Field(strict=False)
    version: int = Field(ge=1, le=2**31 - 1)
    record: dict[str, Any] = Field(
        default_factory=dict, description="fields by name; sums of money in whole fen"
    )


class ActRequest(BaseModel):
    """Do something that leaves the state: extend, pause, resume, order, split and the like."""

    model_config = ConfigDict(extra="forbid", strict=True)

    act: ActCode = Field(strict=False)
    version: int = Field(ge=1, le=2**31 - 1)
    record: dict[str, Any] = Field(default_factory=dict, description="fields by name")


class SignatureRequest(BaseModel):
    """Sign a standing proposal as the second person, or send it back with a reason."""

    model_config = ConfigDict(extra="forbid", strict=True)

    decision: Literal["confirm", "send_back"]
    version: int = Field(ge=1, le=2**31 - 1)
    reason: str = Field("", max_length=2000, description="required to send back")


class CountyWeek(_Answer):
    """One county's figures; the code is null while the territory is undecided."""

    county_code: str | None
    county: str | None
    received: int
    opened: int
    verified: int
    penalised: int
    closed: int


class WeekAnswer(_Answer):
    """One ISO week, Monday 00:00 to the next Monday 00:00 in Asia/Shanghai."""

    week: str = Field(examples=["2026-W47"])
    begins_at: datetime
    ends_at: datetime
    counties: list[CountyWeek]
    totals: dict[str, int]
    definitions: dict[str, str]
