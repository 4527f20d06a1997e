"""What each case adds to a week's figures: pure, so that one case can be counted by itself.

A case adds a number of `Count`s; the figures of a bulletin are their sums. Because of
that a change between two moments can be told case by case (schemas.bulletins.causes).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from schemas.acts import ActCode
from schemas.bulletins.facts import CaseFile, Move, Tip
from schemas.bulletins.lives import LEFT, Life, is_conclusion
from schemas.bulletins.methods import Method
from schemas.bulletins.parameters import Parameters, rank_of
from schemas.bulletins.territory import Scope, Table
from schemas.bulletins.working_days import WorkingDays
from schemas.lifecycle import State
from schemas.weeks import Week, week_of
from schemas.workdays import local_date

# So many weeks of receipt before its own are followed up in a bulletin: twice the clock.
COHORT_WEEKS = 8
_MERGED = "merged"
_UNDER_WAY = frozenset({State.VERIFYING, State.VERIFIED, State.RECTIFYING, State.FILED})
_WAITING = frozenset({State.RECEIVED, State.DISPATCH, State.ASSIGNED, State.REOPENED})
_SHUT = frozenset({"suspension", "revocation"})

Rows = tuple[tuple[Table, str], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What is counted: a week of a scope, as it was known at a moment, by a method.

    `with_cohorts` says whether the weeks of receipt before it are followed up too.
    """

    week: Week
    scope: Scope
    known_at: datetime
    parameters: Parameters
    days: WorkingDays
    method: Method
    with_cohorts: bool = True

    @property
    def as_of(self) -> datetime:
        """The moment that stocks belong to: the week's end, or now while it runs."""
        return min(self.week.ends_at, self.known_at)

    def within(self, moment: datetime) -> bool:
        """Whether a moment lies in the week."""
        return self.week.begins_at <= moment < self.as_of


@dataclass(frozen=True, slots=True)
class Count:
    """So many of an indicator, in these rows.

    `one_of` is what is counted once however often it comes, a rider or a shop; `days` a
    handling time; `cohort` the week of receipt to which it belongs.
    """

    key: str
    number: int
    rows: Rows
    one_of: object = None
    days: int | None = None
    cohort: Week | None = None


def counts_of(file: CaseFile, frame: Frame) -> Iterator[Count]:
    """Yield what a case adds to the frame's week; the file is cut to what was known."""
    life = Life(file.as_known(frame.known_at), until=frame.as_of, days=frame.days)
    if not life.counts or life.unit_id not in frame.scope.units:
        return
    yield from _of_tips(life, frame)
    rows = _rows(frame, life, life.tips, main_category(life, frame.parameters))
    for count in (_of_moves, _of_deadlines, _of_cohort):
        yield from count(life, frame, rows)


def main_category(life: Life, parameters: Parameters) -> str:
    """Return the severest of a case's categories, the first named of equals."""
    codes = dict.fromkeys(
        code
        for tip in life.tips
        for code in tip.categories
        if parameters.department(code) == life.department
    )
    codes.update(dict.fromkeys(life.born.get("split_categories", ())))
    return _severest(tuple(codes), parameters)


def leading_case(tip: Tip) -> object:
    """Return the id of the case for which a report is counted: market regulation's first."""
    return min(tip.bonds, key=lambda bond: (rank_of(bond.department), bond.case_id)).case_id


def _severest(codes: tuple[str, ...], parameters: Parameters) -> str:
    return max(codes, key=parameters.severity, default="OTHER")


def _rows(frame: Frame, life: Life, tips: list[Tip], category: str) -> Rows:
    areas = tuple((table, frame.scope.row_of(table, life.unit_id)) for table in frame.scope.areas)
    return (
        *areas,
        (Table.CATEGORY, category),
        (Table.PLATFORM, frame.method.platform_of(tips[0].platform)),
        (Table.SEVERITY, str(frame.parameters.severity(category))),
    )


def _of_tips(life: Life, frame: Frame) -> Iterator[Count]:
    """Count the reports of the week for which this case leads."""
    for rank, tip in enumerate(life.tips):
        if not frame.within(tip.received_at) or leading_case(tip) != life.id:
            continue
        rows = _rows(frame, life, [tip], _severest(tip.categories, frame.parameters))
        yield Count("received", 1, rows)
        yield Count(_acceptance(life, tip), 1, rows)
        yield Count(_where(life), 1, rows)
        if rank == 0:
            yield Count("incidents", 1, rows)
        if tip.rider_id is not None:
            yield Count("active_riders", 1, rows, one_of=tip.rider_id)


def _acceptance(life: Life, tip: Tip) -> str:
    bond = next(bond for bond in tip.bonds if bond.case_id == life.id)
    if bond.kind == "legal_duplicate":
        return "legal_duplicates"
    return "invalid_reports" if life.state is State.INVALID else "accepted"


def _where(life: Life) -> str:
    if life.state is None or life.state in _WAITING:
        return "received_waiting"
    if life.state in _UNDER_WAY:
        return "received_under_way"
    is_done = life.conclusion is State.VERIFIED and life.state not in LEFT
    return "received_done" if is_done else "received_other"


def _is_opening(move: Move) -> bool:
    return move.source is None


def _is_real_invalid(move: Move) -> bool:
    return move.target is State.INVALID and move.record.get("reason_code") != _MERGED


def _to(target: State) -> Callable[[Move], bool]:
    return lambda move: move.target is target


def _concludes(target: State) -> Callable[[Move], bool]:
    return lambda move: move.target is target and is_conclusion(move)


# The figures that count moves of the week: each move that fits adds one.
_MOVES: tuple[tuple[str, Callable[[Move], bool]], ...] = (
    ("opened", _is_opening),
    ("verified", _concludes(State.VERIFIED)),
    ("unfounded", _concludes(State.UNFOUNDED)),
    ("unverifiable", _concludes(State.UNVERIFIABLE)),
    ("rectifications", _to(State.RECTIFYING)),
    ("filed", _to(State.FILED)),
    ("not_filed", _to(State.NOT_FILED)),
    ("penalised", _to(State.PENALISED)),
    ("transferred", _to(State.TRANSFERRED)),
    ("invalid", _is_real_invalid),
    ("reopened", _to(State.REOPENED)),
    ("closed", _to(State.CLOSED)),
)


def _of_moves(life: Life, frame: Frame, rows: Rows) -> Iterator[Count]:
    for move in life.moves:
        if not frame.within(move.occurred_at):
            continue
        for key, fits in _MOVES:
            if fits(move):
                yield Count(key, 1, rows)
        if move.target is State.PENALISED:
            yield Count("fines_fen", move.record.get("fine_fen", 0), rows)
            yield Count("confiscated_fen", move.record.get("confiscation_fen", 0), rows)
            if _SHUT & set(move.record.get("penalty_kinds", ())):
                yield Count("shops_shut", 1, rows)
        if move.target is State.CLOSED:
            yield Count("handling", 1, rows, days=life.handling_days(move))
    for deed in life.deeds:
        if deed.code == ActCode.ORDER and frame.within(deed.occurred_at):
            yield Count("rectifications", 1, rows)


def _of_deadlines(life: Life, frame: Frame, rows: Rows) -> Iterator[Count]:
    if life.is_open:
        yield Count("open", 1, rows)
    today = local_date(frame.as_of)
    for owed in life.owed:
        was_owed = owed.done_at is None or owed.done_at >= frame.week.begins_at
        if frame.week.monday <= owed.due_on <= frame.week.sunday and was_owed:
            if not owed.is_paused:
                yield Count("due", 1, rows)
            if owed.done_at is not None:
                yield Count("due_done", 1, rows)
        if owed.done_at is None and not owed.is_paused and owed.due_on < today:
            yield Count("overdue_open", 1, rows)
        if owed.done_at is not None and owed.is_late and frame.within(owed.done_at):
            yield Count("done_late", 1, rows)


_OUTCOMES = {
    State.VERIFIED: "cohort_verified",
    State.UNFOUNDED: "cohort_refuted",
    State.UNVERIFIABLE: "cohort_refuted",
    None: "cohort_pending",
}


def _of_cohort(life: Life, frame: Frame, rows: Rows) -> Iterator[Count]:
    received = week_of(life.received_at)
    oldest = frame.week.after(-COHORT_WEEKS if frame.with_cohorts else 0)
    if life.state in LEFT or not oldest <= received <= frame.week:
        return
    rows = rows if received == frame.week else ()
    for key in ("cohort_cases", _OUTCOMES[life.conclusion]):
        yield Count(key, 1, rows, cohort=received)
