"""What earns points, how many, up to what, and who earns none: the rules as dated tables.

Points on «verified», once per incident, to the first valid server receipt; how many
they are and the month's cap are policy and shown as such. An edition carries the day it
takes effect, so that a later one is a new row and never an edit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from schemas.words import Words


class PointRule(StrEnum):
    """What points are given for."""

    FIRST_REPORT = "first_report"
    SUPPLEMENT = "supplement"
    SUPERVISOR_TASK = "supervisor_task"


RULE_NAMES: dict[PointRule, Words] = {
    PointRule.FIRST_REPORT: Words("举报经核查属实", "A report that was found true"),
    PointRule.SUPPLEMENT: Words("补充的情况帮助查实", "An addition that decided a case"),
    PointRule.SUPERVISOR_TASK: Words("完成监督员任务", "A supervisor's task done"),
}

# What a rider reads on the page of the rules.
RULE_TERMS: dict[PointRule, Words] = {
    PointRule.FIRST_REPORT: Words(
        "举报的隐患经核查属实；同一隐患只记一次，记给系统最先收到的有效举报。",
        "The hazard was found true. Once per hazard, for the valid report that the server "
        "received first.",
    ),
    PointRule.SUPPLEMENT: Words(
        "执法人员认定您补充的照片或情况对查实起了决定作用。",
        "The inspectors said that what you added decided the case.",
    ),
    PointRule.SUPERVISOR_TASK: Words(
        "食品安全监督员完成了安排的任务。", "An appointed supervisor did a task."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Edition:
    """The rules of a time: points by rule, and what one rider can earn in a local month."""

    code: str
    valid_from: date
    points: Mapping[PointRule, int]
    monthly_cap_points: int


EDITIONS: tuple[Edition, ...] = (
    Edition(
        code="points-2026-11",
        # Before any report of this product, so that every verification has an edition.
        valid_from=date(2024, 1, 1),
        points={
            PointRule.FIRST_REPORT: 50,
            PointRule.SUPPLEMENT: 20,
            PointRule.SUPERVISOR_TASK: 20,
        },
        monthly_cap_points=1000,
    ),
)


def edition_on(day: date, editions: tuple[Edition, ...] = EDITIONS) -> Edition:
    """Return the rules of a local day; of a day before all of them, the earliest."""
    begun = [each for each in editions if each.valid_from <= day]
    if not begun:
        return min(editions, key=lambda each: each.valid_from)
    return max(begun, key=lambda each: each.valid_from)


# Why a report earns nothing, in the order in which it is asked (intake.rewards.earning).
INELIGIBLE: dict[str, Words] = {
    "anonymous": Words("匿名举报", "Anonymous"),
    "legal_duplicate": Words("重复举报（121 号令第 35 条）", "Legal duplicate (Order 121 art. 35)"),
    "withdrawn": Words("查实前已撤回", "Withdrawn before it was verified"),
    "erased": Words("个人信息已删除", "The rider's data was erased"),
    "excluded": Words("奖励专员认定不计分", "Excluded by a reward officer"),
}

# Why a reward officer takes a tip, or a rider, out of the points.
EXCLUSIONS: dict[str, Words] = {
    "fraud": Words("弄虚作假", "Fraud"),
    "staff": Words("监管部门工作人员或其近亲属", "Staff of the authorities, or their family"),
    "shop_side": Words("与被举报商家有利害关系", "Tied to the shop or its rival"),
    "duty": Words("属于其本职工作", "Part of their own job"),
    "other": Words("其他不符合规则的情形", "Otherwise against the rules"),
}

# Why an award ended: what is told to the rider says nothing of other reporters (domain §7).
ENDINGS: dict[str, Words] = {
    "conclusion": Words("核查结论已改变", "The conclusion of the check has changed"),
    "moved": Words("举报已转到另一案件办理", "The report now belongs to another case"),
    "rank": Words("核对后不符合计分条件", "Checked again: not within the rules"),
    "excluded": Words("审核后不符合计分条件", "Reviewed: not within the rules"),
    "task": Words("任务走访未被认可", "The visit was not accepted"),
}


class AccountKind(StrEnum):
    """What an account is for; the last three are the product's own, one each."""

    RIDER = "rider"
    PENDING = "pending"
    ISSUE = "issue"
    HELD = "held"
    SPENT = "spent"


# The product's own accounts have keys that are the same everywhere, so that nobody looks
# for them and two that begin at once make the same row.
SYSTEM_ACCOUNTS: dict[AccountKind, UUID] = {
    AccountKind.ISSUE: UUID("00000000-0000-7000-8000-000000000001"),
    AccountKind.HELD: UUID("00000000-0000-7000-8000-000000000002"),
    AccountKind.SPENT: UUID("00000000-0000-7000-8000-000000000003"),
}


class EntryKind(StrEnum):
    """What an entry does."""

    EARNED = "earned"
    APPROVED = "approved"
    REFUSED = "refused"
    REVERSED = "reversed"
    HELD = "held"
    SPENT = "spent"
    RETURNED = "returned"


ENTRY_NAMES: dict[EntryKind, Words] = {
    EntryKind.EARNED: Words("记分，待审核", "Earned, to be approved"),
    EntryKind.APPROVED: Words("审核通过", "Approved"),
    EntryKind.REFUSED: Words("审核未通过", "Refused"),
    EntryKind.REVERSED: Words("冲回", "Reversed"),
    EntryKind.HELD: Words("兑换", "Redeemed"),
    EntryKind.SPENT: Words("已领取", "Collected"),
    EntryKind.RETURNED: Words("兑换未领取，积分退回", "Not collected, points returned"),
}

# Between which accounts each kind goes; an entry of another way can't be posted.
WAYS: dict[EntryKind, frozenset[tuple[AccountKind, AccountKind]]] = {
    EntryKind.EARNED: frozenset({(AccountKind.ISSUE, AccountKind.PENDING)}),
    EntryKind.APPROVED: frozenset({(AccountKind.PENDING, AccountKind.RIDER)}),
    EntryKind.REFUSED: frozenset({(AccountKind.PENDING, AccountKind.ISSUE)}),
    EntryKind.REVERSED: frozenset(
        {(AccountKind.PENDING, AccountKind.ISSUE), (AccountKind.RIDER, AccountKind.ISSUE)}
    ),
    EntryKind.HELD: frozenset({(AccountKind.RIDER, AccountKind.HELD)}),
    EntryKind.SPENT: frozenset({(AccountKind.HELD, AccountKind.SPENT)}),
    EntryKind.RETURNED: frozenset({(AccountKind.HELD, AccountKind.RIDER)}),
}


class AwardStatus(StrEnum):
    """How far an award is."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    REVERSED = "reversed"
    CAPPED = "capped"


STATUS_NAMES: dict[AwardStatus, Words] = {
    AwardStatus.PENDING: Words("待审核", "To be approved"),
    AwardStatus.APPROVED: Words("已通过", "Approved"),
    AwardStatus.REFUSED: Words("未通过", "Refused"),
    AwardStatus.REVERSED: Words("已冲回", "Reversed"),
    AwardStatus.CAPPED: Words("本月已达上限", "Over the month's cap"),
}
