"""Every indicator of the bulletin as one table: its name, unit, nature and exact definition.

Flows belong to the week, stocks to its last moment (`as_of`), cohorts to the week of
receipt. Rates are whole numbers of basis points (1/10,000), durations of hundredths of
a working day, so that no figure is ever a float.
"""

from dataclasses import dataclass
from enum import StrEnum

from schemas.words import Words


class Unit(StrEnum):
    """In what an indicator is counted."""

    REPORTS = "reports"
    CASES = "cases"
    ORDERS = "orders"
    RIDERS = "riders"
    SHOPS = "shops"
    POINTS = "points"
    TASKS = "tasks"
    FEN = "fen"
    BASIS_POINTS = "basis_points"
    HUNDREDTHS_OF_DAYS = "hundredths_of_days"


UNIT_NAMES: dict[Unit, Words] = {
    Unit.REPORTS: Words("件举报", "reports"),
    Unit.CASES: Words("件案件", "cases"),
    Unit.ORDERS: Words("份", "orders"),
    Unit.RIDERS: Words("人", "riders"),
    Unit.SHOPS: Words("家", "shops"),
    Unit.POINTS: Words("分", "points"),
    Unit.TASKS: Words("次走访", "visits"),
    Unit.FEN: Words("元", "yuan"),
    Unit.BASIS_POINTS: Words("%", "%"),
    Unit.HUNDREDTHS_OF_DAYS: Words("工作日", "working days"),
}


class Nature(StrEnum):
    """What moment or time a figure belongs to."""

    FLOW = "flow"
    STOCK = "stock"
    COHORT = "cohort"


NATURE_NAMES: dict[Nature, Words] = {
    Nature.FLOW: Words("本周发生", "In the week"),
    Nature.STOCK: Words("周末时点", "At the week's end"),
    Nature.COHORT: Words("按收到周追踪", "By week of receipt"),
}


class Group(StrEnum):
    """Under which heading a figure stands; those of one group are suppressed together."""

    REPORTS = "reports"
    WHERE = "where"
    CONCLUSIONS = "conclusions"
    MEASURES = "measures"
    DEADLINES = "deadlines"
    COHORT = "cohort"
    POINTS = "points"
    CAMPAIGNS = "campaigns"


GROUP_NAMES: dict[Group, Words] = {
    Group.REPORTS: Words("收到的举报", "Reports received"),
    Group.WHERE: Words("本周举报办到哪一步", "How far this week's reports are"),
    Group.CONCLUSIONS: Words("核查结论", "Conclusions"),
    Group.MEASURES: Words("责令改正与处罚", "Orders and penalties"),
    Group.DEADLINES: Words("期限与办结", "Deadlines and closing"),
    Group.COHORT: Words("按收到周的查实率", "Verification by week of receipt"),
    Group.POINTS: Words("积分与骑手", "Points and riders"),
    Group.CAMPAIGNS: Words("走访活动", "Campaigns of visits"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One figure: `part` ÷ `whole` name those that a rate is made of, None for a plain one.

    `in_rows` says whether it is counted row by row in the tables too, `open_rows` whether
    these rows may stand in the public form. `since` is the rank of the first method
    (schemas.bulletins.methods) that counts it.
    """

    key: str
    words: Words
    definition: Words
    unit: Unit
    nature: Nature
    group: Group
    part: str | None = None
    whole: str | None = None
    in_rows: bool = True
    open_rows: bool = False
    since: int = 1

    @property
    def is_count(self) -> bool:
        """Whether it is a plain sum of what was counted."""
        return self.unit not in (Unit.BASIS_POINTS, Unit.HUNDREDTHS_OF_DAYS)
