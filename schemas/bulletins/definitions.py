"""The definitions themselves (domain §11): what each figure of the bulletin counts, in words.

The text stands beside the figure on every page and in every file, so it says what the
code counts and nothing else. A definition is never edited: another way of counting is a
new method (schemas.bulletins.methods), and older issues stay counted by theirs.
"""

from schemas.bulletins.indicators import Group, Indicator, Nature, Unit
from schemas.words import Words

_FLOW, _STOCK, _COHORT = Nature.FLOW, Nature.STOCK, Nature.COHORT


def _of(
    group: Group,
    nature: Nature,
    unit: Unit,
    key: str,
    name: tuple[str, str],
    definition: tuple[str, str],
    *,
    rate: tuple[str, str] | None = None,
    in_rows: bool = True,
    open_rows: bool = False,
    since: int = 1,
) -> Indicator:
    part, whole = rate or (None, None)
    return Indicator(
        key=key,
        words=Words(*name),
        definition=Words(*definition),
        unit=unit,
        nature=nature,
        group=group,
        part=part,
        whole=whole,
        in_rows=in_rows,
        open_rows=open_rows,
        since=since,
    )


_REPORTS = (
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "received",
        ("收到举报", "Reports received"),
        (
            ("本周内服务器收到的举报份数。一份举报分给几个部门的只计一次，计入主办案件"
            "（有市场监管案件的以其为主办）的承办地。"),
            ("Reports that the server received in the week. One that went to several departments "
            "counts once, where its leading case (market regulation's if it has one) is handled."),
        ),
        open_rows=True,
    ),
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "accepted",
        ("受理", "Accepted"),
        (
            "本周收到的举报中，既不是重复举报、主办案件也未被认定为不属举报的份数。",
            ("Of the week's reports, those that are no legal duplicate and whose leading case is "
            "not found to be no report."),
        ),
    ),
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "legal_duplicates",
        ("重复举报", "Legal duplicates"),
        (
            "本周收到的举报中，同一举报人就同一事实、同一对象再次举报的份数（121 号令第 35 条）。",
            ("Of the week's reports, those by the same reporter on the same facts and target "
            "(Order 121 art. 35)."),
        ),
    ),
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "invalid_reports",
        ("不属举报", "Not reports"),
        (
            "本周收到的举报中，到周末主办案件已被认定为不属举报的份数。",
            ("Of the week's reports, those whose leading case was found to be no report by the "
            "week's end."),
        ),
    ),
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "unprocessed",
        ("尚未分案", "Without a case yet"),
        (
            "本周收到、还没有分到案件的举报份数；只在全国口径统计，因为还不知道属于哪里。",
            ("Reports of the week that stand in no case yet; counted for the whole country only, "
            "since nobody knows yet where they belong."),
        ),
        in_rows=False,
    ),
    _of(
        Group.REPORTS, _FLOW, Unit.REPORTS, "incidents",
        ("线索（去重）", "Incidents"),
        (
            "本周收到的举报中，在其主办案件里最早收到的份数：几份举报反映同一线索的只计一次。",
            ("Of the week's reports, those received first in their leading case: several reports "
            "of one incident count once."),
        ),
        open_rows=True,
    ),
)  # fmt: skip
_WHERE = (
    _of(
        Group.WHERE, _FLOW, Unit.REPORTS, "received_done",
        ("查实并处理完毕", "Found true and dealt with"),
        (
            ("本周收到的举报中，主办案件已查实、到周末已作出决定"
            "（不予立案、处罚、不予处罚、撤销立案）或已办结的份数。"),
            ("Of the week's reports, those whose leading case was verified and, by the week's end, "
            "decided (not filed, penalised, no penalty, filing withdrawn) or closed."),
        ),
    ),
    _of(
        Group.WHERE, _FLOW, Unit.REPORTS, "received_under_way",
        ("正在核查整改", "In verification or rectification"),
        (
            "本周收到的举报中，到周末主办案件处于核查中、查实、责令改正或立案的份数。",
            ("Of the week's reports, those whose leading case is being verified, verified, under "
            "an order to rectify or filed at the week's end."),
        ),
    ),
    _of(
        Group.WHERE, _FLOW, Unit.REPORTS, "received_waiting",
        ("等待核查", "Waiting to be checked"),
        (
            "本周收到的举报中，到周末主办案件处于待分派、已分派或重新办理、还没有开始核查的份数。",
            ("Of the week's reports, those whose leading case is in dispatch, assigned or reopened "
            "and not yet being checked at the week's end."),
        ),
    ),
    _of(
        Group.WHERE, _FLOW, Unit.REPORTS, "received_other",
        ("其他结果", "Other outcomes"),
        (
            ("本周收到的举报中，到周末主办案件为不实、无法查证、已移送、不属举报，"
            "或未经查实而办结的份数。"),
            ("Of the week's reports, those whose leading case is unfounded, unverifiable, "
            "transferred, no report, or closed without having been verified."),
        ),
    ),
)  # fmt: skip
_CONCLUSIONS = (
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.CASES, "opened",
        ("立为案件", "Cases opened"),
        ("本周内建立的案件数。", "Cases opened in the week."),
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.CASES, "verified",
        ("查实", "Verified"),
        (
            "本周内由两名执法人员签字查实的案件数，按查实时间统计；责令改正后的复查不重复计。",
            ("Cases verified in the week with two signatures, by the time of verification; a "
            "re-inspection after rectification is not counted again."),
        ),
        open_rows=True,
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.CASES, "unfounded",
        ("不实", "Unfounded"),
        ("本周内认定不实的案件数。", "Cases found unfounded in the week."),
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.CASES, "unverifiable",
        ("无法查证", "Unverifiable"),
        ("本周内认定无法查证的案件数。", "Cases found unverifiable in the week."),
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.CASES, "concluded",
        ("作出结论", "Concluded"),
        ("本周查实、不实、无法查证之和。", "Verified, unfounded and unverifiable together."),
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.BASIS_POINTS, "verification_rate",
        ("查实率", "Verification rate"),
        (
            "本周查实 ÷ 本周作出结论（查实、不实、无法查证）。本周没有结论时不计算。",
            ("Verified ÷ concluded (verified, unfounded, unverifiable) in the week; none where "
            "nothing was concluded."),
        ),
        rate=("verified", "concluded"),
    ),
    _of(
        Group.CONCLUSIONS, _FLOW, Unit.SHOPS, "repeat_shops",
        ("重复查实店铺", "Repeat shops"),
        (
            ("本周查实的店铺中，此前 52 周内在本区域已另案查实过的家数。有统一社会信用代码的按"
            "代码认定，否则按区县内的店名（不计空格、全半角、大小写）认定。"),
            ("Shops verified in the week that had been verified in another case here in the 52 "
            "weeks before. A shop is known by its unified social credit code, else by its name "
            "within the county (spaces, width and case aside)."),
        ),
    ),
)  # fmt: skip
_MEASURES = (
    _of(
        Group.MEASURES, _FLOW, Unit.ORDERS, "rectifications",
        ("责令改正", "Rectification orders"),
        (
            "本周内下达的责令改正份数，含与立案并行的。责令改正不是处罚。",
            ("Orders to rectify given in the week, those beside a filing too. An order is no "
            "penalty."),
        ),
        open_rows=True,
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "filed",
        ("立案", "Filed"),
        ("本周内立案的案件数。", "Cases filed for a penalty in the week."),
        open_rows=True,
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "not_filed",
        ("不予立案", "Not filed"),
        ("本周内决定不予立案的案件数。", "Cases in which it was decided not to file."),
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "penalised",
        ("处罚", "Penalised"),
        ("本周内作出处罚决定的案件数。", "Cases with a penalty decision in the week."),
        open_rows=True,
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.FEN, "fines_fen",
        ("罚款金额", "Fines"),
        ("本周处罚决定中的罚款之和，以分计。", "Sum of the fines decided in the week, in fen."),
        open_rows=True,
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.FEN, "confiscated_fen",
        ("没收金额", "Confiscated"),
        (
            "本周处罚决定中的没收之和，以分计。",
            "Sum of what was confiscated by decisions of the week, in fen.",
        ),
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "shops_shut",
        ("停产停业或吊销许可", "Suspended or revoked"),
        (
            "本周处罚决定中含责令停产停业或吊销许可证的案件数。办结不等于停业。",
            ("Cases whose decision of the week suspends the business or revokes its licence. A "
            "closed case does not mean a closed shop."),
        ),
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "transferred",
        ("移送", "Transferred"),
        ("本周内移送其他部门的案件数。", "Cases handed over to another department in the week."),
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "invalid",
        ("认定不属举报", "Found to be no report"),
        (
            "本周内认定不属举报的案件数，不含并入其他案件的。",
            "Cases found to be no report in the week, without those merged into another.",
        ),
    ),
    _of(
        Group.MEASURES, _FLOW, Unit.CASES, "reopened",
        ("重新办理", "Reopened"),
        ("本周内重新办理的案件数。", "Cases taken up again in the week."),
    ),
)  # fmt: skip
_DEADLINES = (
    _of(
        Group.DEADLINES, _FLOW, Unit.CASES, "closed",
        ("办结", "Closed"),
        (
            "本周内办结的案件数；办结不等于停业。",
            "Cases closed in the week; a closed case does not mean a closed shop.",
        ),
        open_rows=True,
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.HUNDREDTHS_OF_DAYS, "handling_mean",
        ("平均办理时间", "Mean handling time"),
        (
            ("本周办结的案件，从收到（重新办理的从重新办理之日）到办结的工作日平均数，"
            "当日不计，调休上班日计入。"),
            ("Of the cases closed in the week, the mean number of working days from receipt (or "
            "from being reopened) to closing; the first day is not counted, make-up workdays are."),
        ),
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.HUNDREDTHS_OF_DAYS, "handling_median",
        ("办理时间中位数", "Median handling time"),
        (
            "同上，取中位数；个数为偶数时取中间两个的平均。",
            "The same, the median; of an even number the mean of the middle two.",
        ),
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.CASES, "due",
        ("本周到期", "Due in the week"),
        (
            ("期限（经批准延长的按延长后的期限，暂停的扣除）在本周内届满的件次：核查和决定是否"
            "立案的期限、立案后作出决定的期限各计一次；正在暂停的不计。"),
            ("Deadlines that ended in the week (the extended one where it was extended, pauses "
            "left out): that of verifying and filing and that of the decision count once each; "
            "one that is paused does not count."),
        ),
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.CASES, "due_done",
        ("其中已完成", "Of these done"),
        (
            "本周到期的件次中，到周末已经完成的。",
            "Of the deadlines of the week, those that were met or made up for by its end.",
        ),
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.BASIS_POINTS, "completion_rate",
        ("到期办结率", "Completion of what was due"),
        ("其中已完成 ÷ 本周到期。", "Of these done ÷ due in the week."),
        rate=("due_done", "due"),
    ),
    _of(
        Group.DEADLINES, _STOCK, Unit.CASES, "open",
        ("在办", "Open"),
        (
            "到周末仍须办理（待分派到立案）的案件数。",
            "Cases that are still owed something at the week's end, from dispatch to filed.",
        ),
    ),
    _of(
        Group.DEADLINES, _STOCK, Unit.CASES, "overdue_open",
        ("超期未办", "Open past due"),
        (
            "到周末已过期限（延长的按延长后的期限）仍未完成的案件数；正在暂停的不计。",
            ("Cases past their deadline (the extended one where extended) and not done at the "
            "week's end; one that is paused does not count."),
        ),
    ),
    _of(
        Group.DEADLINES, _FLOW, Unit.CASES, "done_late",
        ("逾期完成", "Done late"),
        (
            "本周内完成、但已过期限（延长的按延长后的期限）的件次。",
            "Done in the week, but after the deadline (the extended one where extended).",
        ),
    ),
    _of(
        Group.DEADLINES, _STOCK, Unit.CASES, "overdue",
        ("超期合计", "Overdue in all"),
        ("超期未办与逾期完成之和。", "Open past due and done late together."),
    ),
)  # fmt: skip
_COHORTS = (
    _of(
        Group.COHORT, _COHORT, Unit.CASES, "cohort_cases",
        ("收到的案件", "Cases received"),
        (
            "最早一份举报在该周收到的案件数，不含不属举报和已移送的。",
            ("Cases whose first report was received in that week, without those that are no "
            "report or were transferred."),
        ),
    ),
    _of(
        Group.COHORT, _COHORT, Unit.CASES, "cohort_verified",
        ("其中查实", "Of these verified"),
        ("到周末最近一次结论为查实的。", "Whose last conclusion by the week's end is verified."),
    ),
    _of(
        Group.COHORT, _COHORT, Unit.CASES, "cohort_refuted",
        ("其中不实或无法查证", "Of these unfounded or unverifiable"),
        (
            "到周末最近一次结论为不实或无法查证的。",
            "Whose last conclusion by the week's end is unfounded or unverifiable.",
        ),
    ),
    _of(
        Group.COHORT, _COHORT, Unit.CASES, "cohort_pending",
        ("其中尚无结论", "Of these pending"),
        (
            "到周末还没有结论的，含重新办理的。这一数字不为零时，查实率还会变化。",
            ("Without a conclusion at the week's end, reopened ones too. While there are any, the "
            "rate can still change."),
        ),
    ),
    _of(
        Group.COHORT, _COHORT, Unit.BASIS_POINTS, "cohort_rate",
        ("该周举报的查实率", "Verification rate by week of receipt"),
        (
            "其中查实 ÷（其中查实＋不实或无法查证），只算已有结论的。",
            "Of these verified ÷ (verified + unfounded or unverifiable): of those concluded.",
        ),
        rate=("cohort_verified", "cohort_concluded"),
    ),
    _of(
        Group.COHORT, _COHORT, Unit.CASES, "cohort_concluded",
        ("其中已有结论", "Of these concluded"),
        ("查实与不实或无法查证之和。", "Verified and unfounded or unverifiable together."),
    ),
)  # fmt: skip
_POINTS = (
    _of(
        Group.POINTS, _FLOW, Unit.RIDERS, "active_riders",
        ("举报骑手", "Active riders"),
        (
            "本周有举报收到的注册骑手人数，每人只计一次；匿名举报不计。各行之和可能大于合计。",
            ("Registered riders of whom a report was received in the week, each once; anonymous "
            "reports are not counted. Rows may add up to more than the total."),
        ),
    ),
    _of(
        Group.POINTS, _FLOW, Unit.POINTS, "points_earned",
        ("记分", "Points earned"),
        (
            "本周按规则记下、等待审核的积分。",
            "Points awarded by the rules in the week, to be approved.",
        ),
    ),
    _of(
        Group.POINTS, _FLOW, Unit.POINTS, "points_approved",
        ("审核通过积分", "Points approved"),
        ("本周审核通过的积分。", "Points approved in the week."),
    ),
    _of(
        Group.POINTS, _FLOW, Unit.POINTS, "points_reversed",
        ("冲回积分", "Points reversed"),
        (
            "本周审核未通过或冲回的积分。",
            "Points refused or reversed in the week.",
        ),
    ),
    _of(
        Group.POINTS, _FLOW, Unit.POINTS, "points_spent",
        ("兑换积分", "Points redeemed"),
        ("本周已领取的兑换所用的积分。", "Points of what was collected in the week."),
    ),
)  # fmt: skip

_CAMPAIGNS = (
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.TASKS, "campaign_due",
        ("到期的走访任务", "Visits due"),
        (
            "本周结束（到最后一天，或提前结束）的走访活动的全部任务数；一家店由两人走访的计两次。",
            ("All tasks of the campaigns that ended in the week, with their last day or closed "
            "before; a shop that two are to visit counts twice."),
        ),
        in_rows=False, since=3,
    ),
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.TASKS, "campaign_visited",
        ("已走访", "Visited"),
        (
            "本周走访中发了举报的与没发现问题的之和。",
            "Visits with a report and visits that found nothing together.",
        ),
        in_rows=False, since=3,
    ),
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.TASKS, "campaign_found",
        ("走访中发了举报", "Visits with a report"),
        (
            "本周内由食品安全监督员走访并发出举报、到周末没有被认定无效的次数。",
            ("Visits of the week by appointed supervisors of which a report came, and that had "
            "not been rejected by the week's end."),
        ),
        in_rows=False, since=3,
    ),
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.TASKS, "campaign_clean",
        ("走访没发现问题", "Visits that found nothing"),
        (
            "本周内由食品安全监督员走访、没发现问题、到周末没有被认定无效的次数。",
            ("Visits of the week by appointed supervisors who found nothing, and that had not been "
            "rejected by the week's end."),
        ),
        in_rows=False, since=3,
    ),
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.BASIS_POINTS, "campaign_share",
        ("走访发现率", "Share of visits with a report"),
        ("走访中发了举报 ÷ 已走访。", "Visits with a report ÷ visited."),
        rate=("campaign_found", "campaign_visited"), in_rows=False, since=3,
    ),
    _of(
        Group.CAMPAIGNS, _FLOW, Unit.CASES, "campaign_verified",
        ("走访举报查实", "Verified, of campaigns"),
        (
            "本周查实的案件中，含有走访活动举报的件数，按案件承办地统计。",
            ("Of the cases verified in the week, those that hold a report of a campaign, where "
            "the case is handled."),
        ),
        in_rows=False, since=3,
    ),
)  # fmt: skip

INDICATORS: dict[str, Indicator] = {
    each.key: each
    for each in (
        *_REPORTS, *_WHERE, *_CONCLUSIONS, *_MEASURES, *_DEADLINES, *_COHORTS, *_POINTS,
        *_CAMPAIGNS,
    )
}  # fmt: skip
# What stands large at the top of the page.
HEADLINES = (
    "received", "received_done", "received_under_way", "verified", "verification_rate",
    "closed", "overdue", "penalised",
)  # fmt: skip
# Sums of others: they are counted once, from these.
SUMS: dict[str, tuple[str, ...]] = {
    "concluded": ("verified", "unfounded", "unverifiable"),
    "overdue": ("overdue_open", "done_late"),
    "cohort_concluded": ("cohort_verified", "cohort_refuted"),
    "campaign_visited": ("campaign_found", "campaign_clean"),
}
