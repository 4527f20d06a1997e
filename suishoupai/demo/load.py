"""Bring the whole demo about: people, tips, cases, and a check that the figures came out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from sqlalchemy import func, select

from intake.riders.imports import import_riders
from schemas.boundaries.locating import load_county_boundaries
from schemas.database import Database, now_utc
from schemas.errors import Conflict
from schemas.lifecycle import State
from schemas.sealing import Sealer
from schemas.settings import Settings
from schemas.tables import Case, CaseReport, Report, Rider
from schemas.taxonomy import Department
from schemas.units import below, find_unit
from schemas.words import Words
from schemas.workdays import local_date
from suishoupai.demo.accounts import (
    Accounts,
    ensure_rider_tokens,
    ensure_staff,
    keep_accounts,
)
from suishoupai.demo.casework import Errand, work_cases
from suishoupai.demo.mall import OFFICER, open_mall
from suishoupai.demo.people import CITIES, COUNTIES, RIDERS, rider_rows
from suishoupai.demo.places import Map
from suishoupai.demo.sending import Tick, require_doors, send_tips, wait_until_processed
from suishoupai.demo.suggestions import send_suggestions
from suishoupai.demo.tips import (
    SHENYANG_DONE,
    SHENYANG_REPORTS,
    SHENYANG_UNDER_WAY,
    Goal,
    Tip,
    plan,
    shenyang,
)
from suishoupai.demo.visiting import DRAWER, OFFICE, PREPARER, draw_visits, run_campaign

Progress = Callable[[Words], AbstractContextManager[Tick]]
_DONE = (State.PENALISED, State.CLOSED)
_UNDER_WAY = (State.VERIFYING, State.VERIFIED, State.RECTIFYING)


@dataclass(frozen=True)
class Figures:
    """The demo's figures as the database has them; the last three are Shenyang's."""

    riders: int
    reports: int
    received: int
    done: int
    under_way: int

    def check(self) -> None:
        """Raise Conflict `demo-figures` unless they are the field's of December 2024."""
        wanted = (RIDERS, SHENYANG_REPORTS, SHENYANG_DONE, SHENYANG_UNDER_WAY)
        found = (self.riders, self.received, self.done, self.under_way)
        if found != wanted:
            raise Conflict(
                "demo-figures",
                Words(
                    f"演示数据的数字不对：应为 {wanted}，实为 {found}。",
                    f"The demo's figures did not come out: {found} instead of {wanted}.",
                ),
            )


def load(
    settings: Settings, database: Database, *, addresses: tuple[str, str], progress: Progress
) -> Figures:
    """Bring the demo about, or what is missing of it, and return its figures.

    `addresses` are those of the rider's door and of the inspectors' room. Raises
    Unavailable when a part of the product stays away, Conflict `demo-figures`.
    """
    require_doors(addresses)
    accounts = ensure_staff(settings, database)
    day = local_date(accounts.moment)
    tips = plan(Map(load_county_boundaries(), day))
    with progress(Words("登记骑手", "Registering riders")) as tick:
        _register_riders(settings, database, tick)
    ensure_rider_tokens(settings, database, accounts, sorted({tip.rider for tip in tips}))
    numbers: dict[int, str] = {}
    for later in (False, True):
        # Copies are sent when what they repeat has a case.
        wave = [tip for tip in tips if tip.second_wave is later]
        numbers |= _send(database, wave, accounts, addresses[0], progress)
    with progress(Words("办理案件", "Working the cases")) as tick:
        errands = _errands(database, tips, numbers)
        work_cases(
            addresses[1],
            errands,
            tokens=accounts.staff_tokens,
            today=local_date(now_utc()),
            tick=tick,
        )
    speaker = str(min(tip.rider for tip in tips))
    send_suggestions(
        addresses, rider_token=accounts.rider_tokens[speaker], staff_tokens=accounts.staff_tokens
    )
    with progress(Words("审核积分、上架兑换", "Deciding on points, putting offers up")):
        token = accounts.staff_tokens[OFFICER]
        open_mall(addresses[1], database, token=token, today=local_date(now_utc()))
    with progress(Words("请监督员走访", "Asking supervisors to visit shops")):
        # The greeting's rider is asked and has not answered; the others have sent tips.
        supervisors = (0, *sorted({tip.rider for tip in tips} - {0})[:3])
        run_campaign(
            addresses,
            settings,
            database,
            supervisors={each: accounts.rider_tokens[str(each)] for each in supervisors},
            staff_token=accounts.staff_tokens[OFFICE],
            today=local_date(now_utc()),
        )
        draw_visits(
            addresses[1],
            database,
            preparer_token=accounts.staff_tokens[PREPARER],
            drawer_token=accounts.staff_tokens[DRAWER],
        )
    figures = count(database, tips, numbers)
    figures.check()
    accounts.finished = True
    keep_accounts(settings, accounts)
    return figures


def _register_riders(settings: Settings, database: Database, tick: Tick) -> None:
    rows = list(rider_rows())
    with database.reading() as session:
        known = session.scalar(select(func.count()).select_from(Rider)) or 0
    # One transaction for all would keep every other writer out for seconds.
    for start in range(0, len(rows) if known < RIDERS else 0, 200):
        batch = rows[start : start + 200]
        with database.writing() as session:
            import_riders(session, sealer=Sealer(settings), rows=batch)
        tick(start + len(batch), len(rows))


def _send(
    database: Database,
    tips: Sequence[Tip],
    accounts: Accounts,
    address: str,
    progress: Progress,
) -> dict[int, str]:
    with progress(Words("发送举报", "Sending tips")) as tick:
        numbers = send_tips(
            address, tips, tokens=accounts.rider_tokens, began_at=accounts.moment, tick=tick
        )
    with progress(Words("检查、比对、分派", "Examining, matching, routing")) as tick:
        wait_until_processed(database, numbers.values(), tick)
    return numbers


def _errands(database: Database, tips: Sequence[Tip], numbers: dict[int, str]) -> list[Errand]:
    """Return the cases that shall not stay in the queue, each once."""
    errands = []
    with database.reading() as session:
        cases = dict(
            session.execute(
                select(Report.number, Case.number)
                .join(CaseReport, CaseReport.report_id == Report.id)
                .join(Case, Case.id == CaseReport.case_id)
                .where(
                    Report.number.in_(numbers.values()),
                    CaseReport.unlinked_at.is_(None),
                    Case.department == Department.MARKET.value,
                )
            ).all()
        )
        for tip in tips:
            if tip.goal is Goal.QUEUE or tip.copy_of is not None:
                continue
            unit = find_unit(session, department=Department.MARKET, code=COUNTIES[tip.place])
            if unit is not None:
                errands.append(Errand(cases[numbers[tip.number]], tip, unit.id))
    return errands


def count(database: Database, tips: Sequence[Tip], numbers: dict[int, str]) -> Figures:
    """Count the demo's riders and reports, and where Shenyang's reports stand."""
    ours = [numbers[tip.number] for tip in shenyang(list(tips))]
    with database.reading() as session:
        city = find_unit(session, department=Department.MARKET, code=CITIES["shenyang"])
        states = dict(
            session.execute(
                select(Case.state, func.count())
                .select_from(CaseReport)
                .join(Case, Case.id == CaseReport.case_id)
                .join(Report, Report.id == CaseReport.report_id)
                .where(
                    Report.number.in_(ours),
                    CaseReport.unlinked_at.is_(None),
                    below(Case.unit_id, [city.path if city else "none"]),
                )
                .group_by(Case.state)
            ).all()
        )
        return Figures(
            riders=session.scalar(select(func.count()).select_from(Rider)) or 0,
            reports=len(numbers),
            received=sum(states.values()),
            done=sum(states.get(state, 0) for state in _DONE),
            under_way=sum(states.get(state, 0) for state in _UNDER_WAY),
        )
