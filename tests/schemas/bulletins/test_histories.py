"""Whatever happens in whatever order, known soon or late: rollups, spans and proofs hold."""

import json
import random
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.acts import ActCode, act_of
from schemas.bulletins.computing import compute, frame_of, tallies_of
from schemas.bulletins.counting import counts_of
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import read_bulletin
from schemas.bulletins.facts import read_files
from schemas.bulletins.indicators import Nature, Unit
from schemas.bulletins.issues import figures_of, publish
from schemas.bulletins.rollups import refresh, trend
from schemas.bulletins.tallies import Tallies
from schemas.bulletins.territory import read_scope
from schemas.bulletins.verifying import verify
from schemas.deadlines import ClockKind
from schemas.errors import Conflict
from schemas.lifecycle import TRANSITIONS, State
from schemas.tables import BulletinDraft
from schemas.weeks import Week

# 2020 and 2026 have 53 weeks; both winters have holidays and make-up days in them.
WINTERS = (date(2020, 12, 14), date(2026, 1, 26))
CITIES = ("210200", "210300", "210400", "210500", "210600", "210700", "210800", "210900")
_cities = count()
WEEKS = 4
# What is no plain sum over cases has no cause of its own.
SUMMED = {
    key
    for key, each in INDICATORS.items()
    if each.is_count and each.nature is not Nature.COHORT
    and each.unit not in (Unit.RIDERS, Unit.SHOPS, Unit.POINTS)
}  # fmt: skip


class History:
    """Draws what happens in a city: cases, reports, moves, acts, links made and ended."""

    def __init__(self, city, scope: str, first: Week, seed: int) -> None:
        self.city, self.first, self.chance = city, first, random.Random(seed)
        with city.database.reading() as session:
            found = read_scope(session, scope).units.values()
        self.codes = sorted(code for code in found if not code.endswith("00"))[:3]
        self.cases: list = []
        self.links: list = []
        self.rider = None

    def some_time(self, last: datetime) -> datetime:
        span = (last - self.first.begins_at).total_seconds()
        return self.first.begins_at + timedelta(seconds=self.chance.uniform(0, span))

    def go_on(self, steps: int, *, since: datetime, until: datetime) -> None:
        """Let so many things become known between two moments, whenever they happened."""
        for _ in range(steps):
            known = since + self.chance.random() * (until - since)
            late = self.chance.choice((0, 0, 0.5, 9)) * 86_400
            at = max(self.first.begins_at, known - timedelta(seconds=late))
            step = self.chance.choice(("case", "move", "move", "move", "act", "link", "unlink"))
            getattr(self, step)(at, known)

    def case(self, at, known) -> None:
        self.cases.append(
            self.city.case(
                at, code=self.chance.choice(self.codes), recorded_at=known, rider=self.rider,
                categories=self.chance.choice((["PEST"], ["UTENSIL", "EXPIRED"], ["OTHER"])),
            )
        )  # fmt: skip

    def move(self, at, known) -> None:
        if not self.cases:
            return
        case = self.chance.choice(self.cases)
        state = self.city.states[case]
        ways = [each.target for each in TRANSITIONS if each.source is state]
        if ways:
            target = self.chance.choice(ways)
            code = self.chance.choice(self.codes) if target is State.ASSIGNED else None
            self.city.move(case, target, at, recorded_at=known, code=code, fine_fen=700)
            if (state, target) == (State.VERIFYING, State.VERIFIED):
                self.city.found(case, self.chance.choice("abc"), at, known)

    def act(self, at, known) -> None:
        code = self.chance.choice((ActCode.EXTEND, ActCode.PAUSE, ActCode.RESUME, ActCode.ORDER))
        ready = [case for case in self.cases if self.city.states[case] in act_of(code).states]
        if not ready:
            return
        case = self.chance.choice(ready)
        filed = self.city.states[case] is State.FILED
        record = {
            ActCode.EXTEND: {"clock": (ClockKind.DECISION if filed else ClockKind.VERIFY).value},
            ActCode.PAUSE: {"pause_from": at.date().isoformat()},
            ActCode.RESUME: {"pause_to": at.date().isoformat()},
        }.get(code, {})
        self.city.act(case, code.value, at, recorded_at=known, **record)

    def link(self, at, known) -> None:
        if self.cases:
            report = self.city.report(at, categories=["SPOILED"], platform="美团")
            kind = self.chance.choice(("same_incident", "legal_duplicate"))
            self.links.append(
                self.city.link(self.chance.choice(self.cases), report, at=known, kind=kind)
            )

    def unlink(self, at, known) -> None:
        if self.links:
            link = self.links.pop(self.chance.randrange(len(self.links)))
            # Nobody ends a link before it was made.
            self.city.unlink(link, at=max(known, at))


def counted(session, week, scope, known_at, parameters):
    return compute(session, week=week, scope=scope, known_at=known_at, parameters=parameters)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"], indirect=True)
def test_rollups_spans_and_proofs_hold_after_any_history(city, parameters, dialect) -> None:
    signers = {}

    @settings(
        max_examples=4 if dialect == "sqlite" else 2, deadline=None, derandomize=True,
        database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate],
    )  # fmt: skip
    @given(seed=st.integers(0, 10**6), winter=st.sampled_from(WINTERS))
    def try_history(seed: int, winter: date) -> None:
        scope = CITIES[next(_cities) % len(CITIES)]
        first = Week(winter)
        weeks = [first.after(n) for n in range(WEEKS)]
        history = History(city, scope, first, seed)
        middle = weeks[2].begins_at + timedelta(hours=30)
        later = weeks[-1].ends_at + timedelta(days=12)
        with city.together():
            signers.setdefault(scope, city.signer(scope))
            history.rider = city.rider()
            history.go_on(45, since=first.begins_at, until=middle)
        seen = [week for week in weeks if week.begins_at < middle]
        check_rollups(city, scope, seen, middle, parameters)
        publish_all(city, scope, weeks[:2], middle, signers[scope], parameters)
        with city.together():
            history.go_on(40, since=middle + timedelta(minutes=3), until=later)
        check_rollups(city, scope, weeks, later, parameters)
        check_spans(city, scope, history.cases, weeks, later, parameters)
        for issue in publish_all(city, scope, weeks[:2], later, signers[scope], parameters):
            check_causes(issue)
        with city.database.reading() as session:
            assert verify(session, scope=scope).fault is None

    try_history()


def check_rollups(city, scope, weeks, now, parameters) -> None:
    """What a year's page is read from is what is counted anew."""
    with city.database.writing() as session:
        refresh(session, scope=scope, now=now, parameters=parameters, weeks=weeks)
    with city.database.reading() as session:
        totals = trend(session, scope=scope, weeks=weeks)
        for week in weeks:
            kept = read_bulletin(session.get_one(BulletinDraft, (scope, week.name)).document)
            fresh = counted(session, week, scope, now, parameters)
            assert figures_of(kept) == figures_of(fresh), week.name
            assert (kept.previous, kept.last_year) == (fresh.previous, fresh.last_year), week.name
            assert totals[week] == fresh.totals


def check_spans(city, scope, cases, weeks, known_at, parameters) -> None:
    """Nothing is missed by looking only where something happened."""
    with city.database.reading() as session:
        for week in weeks:
            frame = frame_of(
                session, week=week, scope=read_scope(session, scope), known_at=known_at,
                parameters=parameters,
            )  # fmt: skip
            whole = Tallies()
            for file in read_files(session, cases):
                for each in counts_of(file, frame):
                    whole.add(each, week=week)
            found = tallies_of(session, frame)
            for key in SUMMED:
                assert found.total.figures()[key] == whole.total.figures()[key], (week.name, key)
            assert found.cohorts == whole.cohorts


def publish_all(city, scope, weeks, now, signer, parameters):
    made = []
    for week in weeks:
        try:
            with city.database.writing() as session:
                made.append(
                    publish(
                        session, week=week, scope=scope, signer_id=signer, now=now,
                        parameters=parameters, known_at=now,
                    )
                )  # fmt: skip
        except Conflict:
            # Nothing that this week rests on was known anew.
            continue
    return made


def check_causes(issue) -> None:
    """The causes of a revision add up to what it changed."""
    deltas = json.loads(issue.deltas)
    if not deltas:
        return
    added: Counter[str] = Counter()
    for cause in deltas["causes"]:
        added.update({key: cause["totals"].get(key, 0) for key in SUMMED})
        assert cause["because"]
    for key in SUMMED:
        before, after = deltas["totals"].get(key, (0, 0))
        assert added[key] == after - before, (issue.number, key)
