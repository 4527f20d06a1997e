"""Five years of cases with a life: what a bulletin is counted from, up to ten millions.

One city has the same cases at every size, twenty reports a week, so that its bulletin says
the same; the rest of the country grows around it.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from benchmarks.million import County, counties
from schemas.acts import ActCode
from schemas.database import Database, new_id
from schemas.deadlines import ClockKind
from schemas.lifecycle import State
from schemas.taxonomy import CATEGORIES, severity_of
from schemas.weeks import Week

HOME, WEEKS, A_WEEK = "210100", 260, 20
_CODES = [each.code for each in CATEGORIES if each.department == "market"]
_LIVES: tuple[tuple[State, ...], ...] = (
    (State.VERIFYING, State.VERIFIED, State.NOT_FILED, State.CLOSED),
    (State.VERIFYING, State.VERIFIED, State.RECTIFYING, State.NOT_FILED, State.CLOSED),
    (State.VERIFYING, State.VERIFIED, State.FILED, State.PENALISED, State.CLOSED),
    (State.VERIFYING, State.UNFOUNDED, State.CLOSED),
    (State.VERIFYING, State.UNVERIFIABLE, State.CLOSED),
    (State.VERIFYING,),
)
# One case in five hundred is never finished.
_SHARES = (0.3, 0.3, 0.2, 0.15, 0.048, 0.002)
Rows = Iterator[tuple[str, dict[str, Any]]]


def histories(database: Database, size: int, *, last: Week) -> Iterator[Rows]:
    """Yield the rows of so many cases of the weeks up to `last`, the oldest first."""
    places = counties(database, random.Random(size))
    home = [place for place in places if place.code[:4] == HOME[:4]]
    others = [place for place in places if place.code[:4] != HOME[:4]]
    weights = [place.weight for place in others]
    ours, theirs = random.Random(1), random.Random(size)
    number, elsewhere = 0, max(0, size - WEEKS * A_WEEK)
    for back in range(WEEKS - 1, -1, -1):
        week = last.after(-back)
        for _ in range(A_WEEK):
            number += 1
            yield _life(number, ours.choice(home), week, ours)
        here = elsewhere * (WEEKS - back) // WEEKS - elsewhere * (WEEKS - back - 1) // WEEKS
        for place in theirs.choices(others, weights, k=here):
            number += 1
            yield _life(number, place, week, theirs)


def _life(number: int, place: County, week: Week, chance: random.Random) -> Rows:
    received = week.begins_at + timedelta(seconds=chance.randrange(7 * 86_400))
    path = chance.choices(_LIVES, _SHARES)[0]
    report_id, case_id = new_id(), new_id()
    codes = [chance.choice(_CODES)]
    moments = [received, received + timedelta(seconds=5)]
    for _ in path:
        moments.append(moments[-1] + timedelta(days=chance.uniform(0.5, 6)))
    yield "reports", {
        "id": report_id, "number": f"JB{number:010d}", "receipt_hash": report_id.hex,
        "rider_id": None, "categories": codes, "description": "", "premises_name": "",
        "premises_address": "", "platform": chance.choice(("美团", "饿了么")),
        "received_at": received,
    }  # fmt: skip
    yield "cases", {
        "id": case_id, "number": f"AJ{number:010d}", "incident_id": report_id,
        "department": "market", "unit_id": place.unit_id, "state": path[-1].value,
        "version": len(moments), "categories": codes, "severity": severity_of(codes),
        "premises_name": "", "county_code": place.code, "latitude": place.latitude,
        "longitude": place.longitude, "accuracy_m": 12.0, "flags": [], "received_at": received,
        "opened_at": received, "due_provisional": False,
        "due_on": (received + timedelta(days=21)).date(),
    }  # fmt: skip
    yield "case_reports", {
        "id": new_id(), "case_id": case_id, "report_id": report_id, "department": "market",
        "kind": "first", "pseudonym": "骑手-0Q0", "linked_at": moments[1],
    }  # fmt: skip
    states = (None, State.RECEIVED, State.ASSIGNED, *path)
    for version, (source, target) in enumerate(pairwise(states), start=1):
        yield "case_history", _move(case_id, version, source, target, place, moments[version - 1])
    if chance.random() < 0.1:
        yield "case_acts", {
            "id": new_id(), "case_id": case_id, "version": 90, "act": ActCode.EXTEND.value,
            "record": {"clock": ClockKind.VERIFY.value}, "occurred_at": moments[2],
            "recorded_at": moments[2],
        }  # fmt: skip


def _move(
    case_id: object,
    version: int,
    source: State | None,
    target: State | None,
    place: County,
    moment: datetime,
) -> dict[str, Any]:
    record = {"fine_fen": 500_000, "penalty_kinds": ["fine"]} if target is State.PENALISED else {}
    return {
        "id": new_id(), "case_id": case_id, "version": version,
        "from_state": source.value if source else None,
        "to_state": target.value if target else None, "unit_id": place.unit_id,
        "record": record, "occurred_at": moment, "recorded_at": moment,
    }  # fmt: skip
