"""What a revision changed, and because of which cases, in words."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from intake.bulletins.figures import row_words
from review_ui.presenting import day, say, state_name
from schemas.acts import ActCode, act_of
from schemas.bulletins.causes import deltas_between
from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.documents import Bulletin
from schemas.bulletins.issues import counted_next, figures_of, settled_at
from schemas.bulletins.parameters import Parameters
from schemas.bulletins.territory import TABLE_NAMES, Table
from schemas.tables import BulletinIssue
from schemas.weeks import Week
from schemas.words import Words

_PLAIN = {
    "linked": Words("并入了一份举报", "a report was linked to it"),
    "unlinked": Words("一份举报不再并在其中", "a report was taken out of it"),
    "calendar": Words("工作日历有调整", "the calendar of working days was changed"),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One figure before and after; `where` is the table and row, empty for a total."""

    key: str
    where: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class Cause:
    """One case, by how much it changed which totals, and what was recorded of it in between."""

    case: str
    totals: Mapping[str, int]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Deltas:
    """All that a revision changed."""

    totals: tuple[Changed, ...]
    rows: tuple[Changed, ...]
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Prospect:
    """What would be published now, what was published last, and what differs."""

    bulletin: Bulletin
    last: BulletinIssue | None
    deltas: Deltas | None
    is_same: bool

    @property
    def is_running(self) -> bool:
        """Whether its week is not over, or was over only a moment ago."""
        return self.bulletin.known_at < self.bulletin.week.ends_at


def deltas_of(issue: BulletinIssue | None) -> Deltas | None:
    """Return what a published revision changed; None for a first issue."""
    if issue is None or issue.revision == 1:
        return None
    return _read(json.loads(issue.deltas))


def prospect(
    session: Session, *, week: Week, scope: str, now: datetime, parameters: Parameters
) -> Prospect:
    """Return what signing now would publish; nothing is kept."""
    before, found = counted_next(
        session,
        week=week,
        scope=scope,
        known_at=settled_at(session, now=now),
        parameters=parameters,
    )
    if before is None:
        return Prospect(found, None, None, is_same=False)
    is_same = figures_of(before.bulletin) == figures_of(found)
    deltas = None if is_same else _read(deltas_between(session, before.bulletin, found))
    return Prospect(found, before.issue, deltas, is_same=is_same)


def _read(found: Mapping[str, Any]) -> Deltas:
    return Deltas(
        totals=tuple(
            Changed(key, "", before, after)
            for key, (before, after) in found["totals"].items()
            if key in INDICATORS
        ),
        rows=tuple(
            Changed(key, f"{say(TABLE_NAMES[Table(table)])} · {say(row_words(table, row))}", *pair)
            for table, rows in found["tables"].items()
            for row, changes in rows.items()
            for key, pair in changes.items()
            if key in INDICATORS
        ),
        causes=tuple(
            Cause(
                each["case"],
                {key: number for key, number in each["totals"].items() if key in INDICATORS},
                _because(each["because"]),
            )
            for each in found["causes"]
        ),
    )


def _because(facts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(_sentence(fact) for fact in facts)


def _sentence(fact: Mapping[str, Any]) -> str:
    if fact["what"] in _PLAIN:
        return say(_PLAIN[fact["what"]])
    name = (
        state_name(fact["to"])
        if fact["what"] == "move"
        else say(act_of(ActCode(fact["act"])).words)
    )
    happened, recorded = (
        day(datetime.fromisoformat(fact[each])) for each in ("occurred_at", "recorded_at")
    )
    return say(
        Words(
            f"{recorded}记入“{name}”（{happened}发生）",
            f"“{name}” of {happened}, recorded on {recorded}",
        )
    )
