"""Campaigns (随机访餐厅, a holiday check): their kinds, what can become of a task, and the limits.

A campaign is run by whoever receives what riders send, and is carried out by appointed
supervisors whom nobody in the room can tell apart: see docs/decisions/2026-11-22-campaigns.md.
"""

from datetime import timedelta
from enum import StrEnum

from schemas.words import Words


class CampaignKind(StrEnum):
    """What a campaign is for."""

    RANDOM_VISIT = "random_visit"
    HOLIDAY_CHECK = "holiday_check"


KIND_NAMES: dict[CampaignKind, Words] = {
    CampaignKind.RANDOM_VISIT: Words("随机访餐厅", "Random restaurant visits"),
    CampaignKind.HOLIDAY_CHECK: Words("节日检查", "Holiday check"),
}


class TaskState(StrEnum):
    """How far a task is; what is open or taken when the campaign ends has expired."""

    OPEN = "open"
    TAKEN = "taken"
    FOUND = "found"
    CLEAN = "clean"
    NOT_VISITED = "not_visited"
    REJECTED = "rejected"
    EXPIRED = "expired"


STATE_NAMES: dict[TaskState, Words] = {
    TaskState.OPEN: Words("待领取", "Open"),
    TaskState.TAKEN: Words("已领取", "Taken"),
    TaskState.FOUND: Words("已走访，发了举报", "Visited, a report was sent"),
    TaskState.CLEAN: Words("已走访，没发现问题", "Visited, nothing found"),
    TaskState.NOT_VISITED: Words("未能走访", "Could not be visited"),
    TaskState.REJECTED: Words("认定无效", "Rejected"),
    TaskState.EXPIRED: Words("到期未走访", "Not visited in time"),
}
VISITED = (TaskState.FOUND, TaskState.CLEAN)


class EventKind(StrEnum):
    """What happened to a campaign or to one of its tasks; never altered."""

    MADE = "made"
    CLOSED = "closed"
    TAKEN = "taken"
    HANDED_BACK = "handed_back"
    FOUND = "found"
    CLEAN = "clean"
    NOT_VISITED = "not_visited"
    REJECTED = "rejected"


# Why a shop could not be visited; a rider picks one and writes nothing.
OBSTACLES: dict[str, Words] = {
    "closed": Words("没有开门", "It was closed"),
    "gone": Words("已搬走或不再经营", "It has moved or given up"),
    "not_found": Words("按地址找不到", "It was not where the address says"),
    "unsafe": Words("去了不安全", "Going there was not safe"),
    "other": Words("其他原因", "Another reason"),
}

# Why a visit is not accepted; the points go back by a counter-entry.
REJECTIONS: dict[str, Words] = {
    "fraud": Words("弄虚作假", "Fraud"),
    "other_shop": Words("去的不是这家店", "It was another shop"),
    "not_as_asked": Words("没有按要求走访", "Not done as was asked"),
}

# So many supervisors have to take part before a shop is shown to any of them: with fewer,
# whoever invited them could tell who went where.
FEWEST_RIDERS = 3
MOST_SHOPS = 500
MOST_PER_SHOP = 2
MOST_DAYS = 92
MOST_INVITED = 500
# So many tasks of one campaign a rider may hold at once: the rest is for others.
MOST_TAKEN = 5
# «Nothing found» earns points where the phone was so near to the shop; in a square, inside it.
NEAR_M = 300
# How exact a phone's place has to be to say that.
MOST_ACCURACY_M = 200
# A tip that waited on the phone for signal still counts so long after the last day.
LATE_FOR = timedelta(days=2)
