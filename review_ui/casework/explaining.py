"""Every due date in words: from which day, how many days, what counted and what did not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from review_ui.casework.clocks import Clock, days_left
from schemas.deadlines import ClockKind, Deadline, Facts, Pause, deadline, dispute_deadline
from schemas.lifecycle import OPEN_STATES, State
from schemas.records import PAUSE_KINDS
from schemas.tables import Case
from schemas.words import Words
from schemas.workdays import CalendarOverrides, working_days_between

CLOCK_NAMES: dict[ClockKind, Words] = {
    ClockKind.VERIFY: Words("核查和立案期限", "To verify and decide on filing"),
    ClockKind.DECISION: Words("处罚决定期限", "To decide on the penalty"),
    ClockKind.DISPUTE: Words("管辖争议协商期限", "To settle the jurisdiction dispute"),
}
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class ClockView:
    """A clock that runs: its name, what is left, and how its date came about, in sentences."""

    kind: ClockKind
    name: Words
    clock: Clock
    sentences: tuple[Words, ...]


def clock_views(
    case: Case, *, facts: Facts, today: date, calendar: CalendarOverrides
) -> tuple[ClockView, ...]:
    """Return the clocks that run in a case, the one that its due date follows first."""
    if State(case.state) not in OPEN_STATES:
        return ()
    found = [deadline(case, facts=facts, calendar=calendar)]
    dispute = dispute_deadline(facts, calendar=calendar)
    if dispute:
        found.append(dispute)
    return tuple(_view(each, case, today, calendar) for each in found)


def explain(counted: Deadline) -> tuple[Words, ...]:
    """Return how a due date was counted, as sentences."""
    sentences = [_begun(counted), *_calendar_days(counted)]
    if counted.extension:
        unit = _unit(counted)
        sentences.append(
            Words(
                f"经负责人批准延长 {counted.extension} {unit.zh}，已计入。",
                f"Extended by {counted.extension} {unit.en} with the bureau head's approval, "
                "included.",
            )
        )
    sentences += [_paused(each, counted) for each in counted.pauses]
    if counted.due.provisional:
        sentences.append(
            Words(
                "其中有的年份放假安排尚未公布，日期暂定；公布后自动重算。",
                "A year in it has no published calendar yet: the date is provisional and will be "
                "counted anew.",
            )
        )
    return tuple(sentences)


def say_day(day: date) -> Words:
    """Return a day with its weekday, and its year, since a clock may reach the next one."""
    return Words(
        f"{day.year}年{day.month}月{day.day}日（周{_WEEKDAYS_ZH[day.weekday()]}）",
        f"{_WEEKDAYS_EN[day.weekday()]} {day.day} {day:%b} {day.year}",
    )


def _view(counted: Deadline, case: Case, today: date, calendar: CalendarOverrides) -> ClockView:
    follows = counted.kind is not ClockKind.DISPUTE
    paused_since = case.paused_since if follows else None
    clock = Clock(
        due_on=counted.due.date,
        left=days_left(
            counted.due.date,
            today=min(today, paused_since) if paused_since else today,
            calendar=calendar,
        ),
        whole=max(working_days_between(counted.begun_on, counted.due.date, overrides=calendar), 1),
        provisional=counted.due.provisional,
        paused_since=paused_since,
    )
    return ClockView(counted.kind, CLOCK_NAMES[counted.kind], clock, explain(counted))


def _unit(counted: Deadline) -> Words:
    if counted.kind is ClockKind.DECISION:
        return Words("天", "days")
    return Words("个工作日", "working days")


def _begun(counted: Deadline) -> Words:
    begun, due, unit = say_day(counted.begun_on), say_day(counted.due.date), _unit(counted)
    what = {
        ClockKind.VERIFY: Words("收到举报", "Received"),
        ClockKind.DECISION: Words("立案", "Filed"),
        ClockKind.DISPUTE: Words("发生争议", "Disputed since"),
    }[counted.kind]
    if counted.reopened:
        what = Words("重新办理", "Taken up again")
    length = counted.length + counted.extension
    return Words(
        f"{begun.zh}{what.zh}，当天不算，共 {length} {unit.zh}，到{due.zh}止。",
        f"{what.en} {begun.en}; that day not counted, {length} {unit.en} end on {due.en}.",
    )


def _calendar_days(counted: Deadline) -> list[Words]:
    sentences = []
    if counted.due.make_up_days_counted:
        days = _days(counted.due.make_up_days_counted)
        sentences.append(
            Words(f"调休上班日计入：{days.zh}。", f"Make-up working days counted: {days.en}.")
        )
    if counted.due.holidays_skipped:
        days = _days(counted.due.holidays_skipped)
        sentences.append(
            Words(f"节假日不计：{days.zh}。", f"Public holidays not counted: {days.en}.")
        )
    return sentences


def _paused(pause: Pause, counted: Deadline) -> Words:
    kind, first = PAUSE_KINDS[pause.kind], say_day(pause.first)
    if pause.last is None:
        return Words(
            f"{first.zh}起因{kind.zh}暂停（{pause.reason}），恢复后顺延。",
            f"Paused since {first.en} for {kind.en.lower()} ({pause.reason}); what is left "
            "follows when it resumes.",
        )
    last = say_day(pause.last)
    skipped = sum(pause.first <= day <= pause.last for day in counted.due.paused_days)
    unit = _unit(counted)
    return Words(
        f"{first.zh}至{last.zh}因{kind.zh}暂停（{pause.reason}），{skipped} {unit.zh}不计。",
        f"Paused from {first.en} to {last.en} for {kind.en.lower()} ({pause.reason}): "
        f"{skipped} {unit.en} not counted.",
    )


def _days(days: Sequence[date]) -> Words:
    said = [say_day(day) for day in days]
    return Words("、".join(each.zh for each in said), ", ".join(each.en for each in said))
