"""Statutory rewards (举报奖励) as dated rules: percent of the sums, floor and cap in fen, period.

Beside the points and apart from them: paid in money, after closure only, on application.
They are off unless STATUTORY_REWARDS is set, since who may pay them, and from which
budget, is not this program's to assume.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from schemas.words import Words

PER_WHOLE = 10_000


@dataclass(frozen=True, slots=True)
class Grade:
    """A grade of merit: its share of the sums in hundredths of a percent, and its floor."""

    share: int
    floor_fen: int


@dataclass(frozen=True, kw_only=True)
class StatutoryRule:
    """The rule of a time; `application_days` are calendar days from the closing, that day excluded.

    `cap_fen` is for one case, whatever its sums.
    """

    code: str
    valid_from: date
    grades: Mapping[int, Grade]
    cap_fen: int
    application_days: int
    source: Words


RULES: tuple[StatutoryRule, ...] = (
    StatutoryRule(
        code="samr-2021-4",
        valid_from=date(2021, 12, 1),
        grades={1: Grade(500, 500_000), 2: Grade(300, 300_000), 3: Grade(100, 100_000)},
        cap_fen=100_000_000,
        # Policy until the operator's counsel confirms the period of the local rules.
        application_days=60,
        source=Words(
            "《市场监管领域重大违法行为举报奖励暂行办法》（国市监稽规〔2021〕4号）",
            "Interim Measures on Rewards for Reporting Major Violations (SAMR 2021 No. 4)",
        ),
    ),
)


def rule_on(day: date, rules: tuple[StatutoryRule, ...] = RULES) -> StatutoryRule | None:
    """Return the rule of a local day; None before there was one."""
    begun = [each for each in rules if each.valid_from <= day]
    return max(begun, key=lambda each: each.valid_from) if begun else None


def rule_of(code: str, rules: tuple[StatutoryRule, ...] = RULES) -> StatutoryRule:
    """Return a rule by its code; raises LookupError for none."""
    for each in rules:
        if each.code == code:
            return each
    raise LookupError(code)


def amount_fen(rule: StatutoryRule, *, grade: int, base_fen: int) -> int:
    """Return what a grade gives for fine and confiscation together, in fen, half a fen up."""
    merit = rule.grades[grade]
    share = (base_fen * merit.share * 2 + PER_WHOLE) // (2 * PER_WHOLE)
    return min(max(share, merit.floor_fen), rule.cap_fen)


class ClaimStatus(StrEnum):
    """How far an application is."""

    APPLIED = "applied"
    APPROVED = "approved"
    REFUSED = "refused"
    REVERSED = "reversed"
    PAID = "paid"


CLAIM_NAMES: dict[ClaimStatus, Words] = {
    ClaimStatus.APPLIED: Words("已申请，待审核", "Applied for, to be decided"),
    ClaimStatus.APPROVED: Words("已批准，待发放", "Approved, to be paid"),
    ClaimStatus.REFUSED: Words("未批准", "Refused"),
    ClaimStatus.REVERSED: Words("批准已撤销", "Approval reversed"),
    ClaimStatus.PAID: Words("已发放", "Paid"),
}


class MoneyAccount(StrEnum):
    """Between what money moves in the ledger of statutory rewards."""

    BUDGET = "budget"
    PAYABLE = "payable"
    PAID = "paid"


class MoneyKind(StrEnum):
    """What an entry of that ledger does."""

    APPROVED = "approved"
    REVERSED = "reversed"
    PAID = "paid"


# The one way that each kind goes; an entry of another way can't be posted.
MONEY_WAYS: dict[MoneyKind, tuple[MoneyAccount, MoneyAccount]] = {
    MoneyKind.APPROVED: (MoneyAccount.BUDGET, MoneyAccount.PAYABLE),
    MoneyKind.REVERSED: (MoneyAccount.PAYABLE, MoneyAccount.BUDGET),
    MoneyKind.PAID: (MoneyAccount.PAYABLE, MoneyAccount.PAID),
}
