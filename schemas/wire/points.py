"""Points over the wire: a rider's own statement, and awards as reward officers decide on them."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class PointsLine(_Answer):
    """Something that happened to the rider's points."""

    on: date
    points: int = Field(description="what the balance changed by: below zero for what went out")
    text: str = Field(description="why, in plain words")
    report_number: str | None = Field(description="the rider's own report, where it is about one")


class PointsWaiting(_Answer):
    """Points that are earned and wait for approval."""

    since: date
    points: int
    text: str
    report_number: str | None


class PointsRule(_Answer):
    """Something that earns points."""

    text: str
    terms: str
    points: int


class PointsStatement(_Answer):
    """A rider's points: what can be spent, what waits, and why each line came."""

    as_of: datetime = Field(description="the moment at which the ledger was read")
    account: str = Field(description="by which a phone knows the account again, as of /api/v1/me")
    balance: int = Field(description="below zero after points that were spent had to be reversed")
    pending: int
    waiting: list[PointsWaiting]
    lines: list[PointsLine] = Field(description="the latest, the newest first")
    rules: list[PointsRule]
    monthly_cap: int = Field(description="the most that can be earned in a calendar month")
    supplies: list["SupplyLine"] = Field(description="what an office gave the rider in thanks")


class CandidateAnswer(_Answer):
    """A report of the incident by its order of receipt, and what the rules say of it."""

    rank: int
    says: str
    earns: bool


class EntryAnswer(_Answer):
    """One entry of the ledger, as the account's holder has it."""

    id: UUID
    on: date
    text: str
    points: int
    reason: str
    award_id: UUID | None


class AwardAnswer(_Answer):
    """One award; its holder is a pseudonym of the ledger alone."""

    id: UUID
    account: str = Field(examples=["7KQ4-MX3P"])
    rule: str
    status: str = Field(description="pending, approved, refused, reversed or capped")
    points: int
    uncapped_points: int
    unit: str
    verified_on: date
    awarded_on: date
    note: str
    ended: str | None


class AwardFileAnswer(AwardAnswer):
    """One award with what a decision needs."""

    categories: list[str]
    candidates: list[CandidateAnswer]
    verified_by: list[str]
    decided_by: str | None
    decided_on: date | None
    reason: str
    is_own_verification: bool
    is_under_review: bool
    entries: list[EntryAnswer]


class AwardList(_Answer):
    """A page of awards; `next_after` leads to the next one."""

    items: list[AwardAnswer]
    next_after: str | None


class AccountAnswer(_Answer):
    """One account of the ledger."""

    account: str
    balance: int
    pending: int
    is_barred: bool
    entries: list[EntryAnswer]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AwardEnd(_Given):
    """Refuse an award that waits, or reverse one that was approved."""

    code: str = Field(
        max_length=24, description="fraud, staff, shop_side, duty or other", examples=["fraud"]
    )
    reason: str = Field(max_length=500, examples=["照片是从网上下载的"])
    bar_rider: bool = Field(
        default=False, description="nothing verified from now on earns this rider points"
    )


class TaskAward(_Given):
    """Points for an appointed supervisor's task."""

    account: str = Field(max_length=20, examples=["7KQ4-MX3P"])
    task: str = Field(
        max_length=60, description="its name or document number; awarded once to an account"
    )
    unit: str = Field(max_length=120, description="the unit's full name or division code")


class OfferAnswer(_Answer):
    """Something that a station gives for points."""

    id: UUID
    title: str
    terms: str
    station: str
    place: str
    points: int
    left: int = Field(description="how many there are now; 0 is sold out")
    until: date
    collect_within_days: int


class OfferList(_Answer):
    """What can be had now."""

    balance: int
    items: list[OfferAnswer]


class RedemptionRequest(_Given):
    """Take one piece of an offer."""

    offer_id: UUID = Field(strict=False)


class RedemptionAnswer(_Answer):
    """A piece that is held for the rider, was collected, or went back."""

    id: UUID
    title: str
    station: str
    place: str
    points: int
    status: str = Field(description="held, spent or returned")
    code: str | None = Field(description="what the station asks for; only while it is held")
    expires_at: datetime


class RedemptionList(_Answer):
    """A rider's redemptions, the newest first."""

    items: list[RedemptionAnswer]


class CollectRequest(_Given):
    """A code that a rider shows at a station."""

    code: str = Field(min_length=1, max_length=40, examples=["7KQ4-MX3P-0A9B-CD3F"])


class Collected(_Answer):
    """What the station hands out; who collects it is not told."""

    title: str
    text: str


class StaffOffer(OfferAnswer):
    """An offer as reward officers look after it."""

    unit: str
    stock: int
    taken: int
    starts_on: date
    ended: bool


class StaffOfferList(_Answer):
    """The offers of one's own area, the newest first."""

    items: list[StaffOffer]


class OfferRequest(_Given):
    """Make an offer of a station."""

    station: str = Field(max_length=80, description="the station's name")
    unit: str = Field(max_length=120, description="the unit's full name or division code")
    title: str = Field(max_length=80, examples=["热饭一份"])
    terms: str = Field("", max_length=500)
    points: int = Field(ge=1, le=1_000_000)
    stock: int = Field(ge=1, le=1_000_000)
    starts_on: date = Field(strict=False)
    ends_on: date = Field(strict=False)
    collect_within_days: int = Field(ge=1, le=60)


class StockRequest(_Given):
    """How many there are in all, what was taken included."""

    stock: int = Field(ge=0, le=1_000_000)


class HonourAnswer(_Answer):
    """An account's place in a period; equal points share a rank."""

    rank: int
    account: str
    points: int
    awards: int


class HonourList(_Answer):
    """Who earned most in a period, half-open, in local days."""

    period: str
    first: date
    end: date = Field(description="the day after the last one")
    items: list[HonourAnswer]


class SupplyLine(_Answer):
    """Supplies that an office gave the rider in thanks."""

    title: str
    quantity: int
    occasion: str
    given_on: date


class SupplyAnswer(SupplyLine):
    """A record of supplies, as reward officers look after it."""

    id: UUID
    account: str
    unit: str
    cancelled: bool
    reason: str = Field(description="why it was cancelled; empty while it stands")


class SupplyList(_Answer):
    """What was given in one's own area, the last first."""

    items: list[SupplyAnswer]


class SupplyRequest(_Given):
    """Record supplies that were given."""

    account: str = Field(max_length=20, examples=["7KQ4-MX3P"])
    unit: str = Field(max_length=120, description="the unit's full name or division code")
    title: str = Field(max_length=80, examples=["保温杯"])
    quantity: int = Field(1, ge=1, le=1_000)
    occasion: str = Field("", max_length=120, examples=["冬至慰问"])
    given_on: date = Field(strict=False)


class CancelRequest(_Given):
    """Why a record is cancelled."""

    reason: str = Field(max_length=500)


class RollAnswer(_Answer):
    """A list of honour that was published, as reward officers look after it."""

    id: UUID
    unit: str
    period: str
    published_on: date
    ended: bool


class RollList(_Answer):
    """The lists of one's own area that stand."""

    items: list[RollAnswer]


class RollRequest(_Given):
    """Publish the list of a unit's tree for a period that is over."""

    unit: str = Field(max_length=120, description="the unit's full name or division code")
    period: str = Field(max_length=8, examples=["2026-10", "2026-Q3", "2025"])
    size: int = Field(10, ge=3, le=50, description="how many riders at most")


class PublicRoll(_Answer):
    """A published list of honour; names are by the alphabet, not by what was earned."""

    unit: str
    period: str
    published_on: date
    names: list[str] = Field(description="as the rider agreed to, else half a pseudonym")


class PublicRollList(_Answer):
    """The published lists, the newest first."""

    items: list[PublicRoll]


class HonourName(_Answer):
    """Whether, and how, the rider agreed to be named on lists of honour."""

    version: str = Field(description="of today's words; send it to agree to them")
    paragraphs: list[str]
    name: str | None = Field(description="null while only a pseudonym is shown")
    pseudonym: str | None = Field(description="what is shown without consent")


class HonourNameGiven(_Given):
    """Agree to be named so."""

    version: str = Field(max_length=10)
    name: str = Field(max_length=40, examples=["小李师傅"])


class RewardChance(_Answer):
    """A closed case of a report for which a statutory reward can be applied for."""

    report_number: str
    until: date = Field(description="the last local day on which to apply")
    is_over: bool


class RewardLine(_Answer):
    """An application of the rider's own."""

    report_number: str
    status: str = Field(description="applied, approved, refused, reversed or paid")
    text: str
    applied_on: date
    amount_fen: int | None = Field(description="once it was approved")
    reason: str = Field(description="why it was refused or reversed")
    paid_on: date | None


class RewardStatement(_Answer):
    """A rider's statutory rewards, apart from the points."""

    chances: list[RewardChance]
    claims: list[RewardLine]


class RewardWanted(_Given):
    """Apply for the reward of a report."""

    report_number: str = Field(max_length=40, examples=["JB20261121-7KQ4MX-3"])


class GradeOffer(_Answer):
    """What a grade of the rule gives."""

    grade: int
    amount_fen: int


class ClaimAnswer(_Answer):
    """An application as officers decide on it: no shop, no report, no name."""

    id: UUID
    account: str
    unit: str
    status: str
    rule: str
    categories: list[str]
    penalty_kinds: list[str]
    base_fen: int = Field(description="fine and confiscation together")
    offers: list[GradeOffer]
    applied_on: date
    grade: int | None
    amount_fen: int | None
    reason: str


class ClaimList(_Answer):
    """Applications of one's own area, the oldest first."""

    items: list[ClaimAnswer]


class ClaimApproval(_Given):
    """Approve by a grade of the rule."""

    grade: int = Field(ge=1, le=9)


class ClaimReason(_Given):
    """Why it is refused or reversed; the rider reads it."""

    reason: str = Field(max_length=500)


class PaymentAnswer(_Answer):
    """A reward to be paid or that was: what whoever pays needs, and no more."""

    id: UUID
    account: str
    unit: str
    status: str
    amount_fen: int
    approved_on: date
    document_number: str | None
    paid_on: date | None


class PaymentList(_Answer):
    """Rewards of one's own area that are to be paid, and those that were."""

    items: list[PaymentAnswer]


class PaymentRequest(_Given):
    """Record a payment."""

    document_number: str = Field(max_length=80, examples=["沈财付〔2026〕118号"])
    paid_on: date = Field(strict=False)
