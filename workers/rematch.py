"""Compares again, by today's thresholds, what was received since a day: `suishoupai rematch`.

Only what the machine said is said anew: matches that no longer hold go, new ones come, and
open cases get a hint. What a person decided stays: links, made or ended, by whomever; matches
that were rejected or linked by; whatever belongs to a case that has its conclusion. So a new
match suggests a link and makes none, and a machine's link whose match no longer holds is
pointed out and not undone: receipts, ranks, clocks and points hang on it.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, or_, select, tuple_
from sqlalchemy.orm import Session

from intake.photos import PhotoStore
from schemas import audit
from schemas.database import Database
from schemas.lifecycle import OPEN_STATES
from schemas.routing_lock import lock_routing
from schemas.tables import Case, CaseReport, Match, Photo, Report, ReportProgress, ReportStep
from schemas.taxonomy import by_department
from workers.claims import choose_place, load_places
from workers.closely.confirming import Confirmer, sides_of, supposed_pair
from workers.holding import CLOSE_KINDS, holds, is_only_machines, told
from workers.match import PICTURE_KINDS, SAME_PICTURE
from workers.neighbours import find_neighbours, store_neighbours
from workers.opening import flag_cases
from workers.policy import MatchPolicy
from workers.regions.keeping import keep_missing
from workers.resembling import Alike, keep, look
from workers.seen.memory import Memory

BATCH = 200
STEP, NEW, DOUBTED = "rematch", "rematched", "link-doubted"


@dataclass
class Rematched:
    """How many reports were looked at, and what came of it.

    `left` are those that have a conclusion or are not through the pipeline yet; `known`
    were compared by these thresholds before. `found` and `withdrawn` count matches, and
    `doubted` the machine's links whose match no longer holds.
    """

    seen: int = 0
    left: int = 0
    known: int = 0
    found: int = 0
    withdrawn: int = 0
    doubted: int = 0


def rematch(
    database: Database,
    *,
    store: PhotoStore,
    since: datetime,
    policy: MatchPolicy,
    memory: Memory | None = None,
    tick: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rematched:
    """Compare every report received since then anew; broken off, it goes on where it was."""
    with database.reading() as session:
        total = session.scalar(
            select(func.count()).select_from(Report).where(Report.received_at >= since)
        )
    done, rules = Rematched(), _Rules(database, store, policy, memory)
    for batch in _batches(database, since):
        with database.reading() as session:
            if memory:
                memory.follow(session)
            known, wanted = _known(session, batch, policy), _open(session, batch)
        for report_id in batch:
            done.seen += 1
            if report_id in known:
                done.known += 1
            elif report_id not in wanted or not _one(rules, report_id, done):
                done.left += 1
            tick(done.seen, total or done.seen)
    return done


def _batches(database: Database, since: datetime) -> Iterator[Sequence[UUID]]:
    after: tuple[datetime, UUID] | None = None
    while True:
        later: ColumnElement[bool] = Report.received_at >= since
        if after:
            later = tuple_(Report.received_at, Report.id) > after
        with database.reading() as session:
            rows = session.execute(
                select(Report.received_at, Report.id)
                .where(later)
                .order_by(Report.received_at, Report.id)
                .limit(BATCH)
            ).all()
        if not rows:
            return
        yield [report_id for _, report_id in rows]
        after = rows[-1][0], rows[-1][1]


def _known(session: Session, report_ids: Collection[UUID], policy: MatchPolicy) -> set[UUID]:
    """Return those of the reports that were compared by these very thresholds last."""
    steps = session.execute(
        select(ReportStep.report_id, ReportStep.facts)
        .where(ReportStep.report_id.in_(report_ids), ReportStep.step.in_(("match", STEP)))
        .order_by(ReportStep.finished_at, ReportStep.id)
    )
    last = {report_id: facts.get("policy") for report_id, facts in steps}
    return {report_id for report_id, version in last.items() if version == policy.version}


def _open(session: Session, report_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the reports that stand in a case without a conclusion."""
    return set(
        session.scalars(
            select(CaseReport.report_id)
            .join(Case, Case.id == CaseReport.case_id)
            .where(
                CaseReport.report_id.in_(report_ids),
                CaseReport.unlinked_at.is_(None),
                Case.state.in_(OPEN_STATES),
            )
        )
    )


@dataclass(frozen=True)
class _Rules:
    """What reports are compared with, and by which thresholds."""

    database: Database
    store: PhotoStore
    policy: MatchPolicy
    memory: Memory | None


class _Looked(NamedTuple):
    """What was seen before the transaction.

    `alike` is what the report resembles, `unlike` the matches that were taken for the same
    picture and are not in their detail.
    """

    alike: Alike
    unlike: frozenset[UUID]


def _look(rules: _Rules, report_id: UUID) -> _Looked:
    """Search and compare, so that nobody waits while hashes are searched and pictures opened."""
    policy = rules.policy
    with rules.database.reading() as session:
        report = session.get_one(Report, report_id)
        photo_ids = session.scalars(select(Photo.id).where(Photo.report_id == report_id)).all()
        supposed = [
            match
            for match in _touching(session, report_id)
            if match.kind == SAME_PICTURE and match.policy != policy.version
        ]
        pairs = {match.id: pair for match in supposed if (pair := supposed_pair(match))}
        sides = sides_of(session, pairs.values())
    keep_missing(rules.database, rules.store, photo_ids=photo_ids)
    confirmer = Confirmer(rules.store, sides, policy)
    unlike = frozenset(key for key, pair in pairs.items() if confirmer.is_same(pair) is False)
    alike = look(
        rules.database,
        rules.store,
        report=report,
        photo_ids=photo_ids,
        policy=policy,
        memory=rules.memory,
        known=lambda session: _standing(session, report_id, policy, but=unlike),
    )
    return _Looked(alike, unlike)


def _standing(
    session: Session, report_id: UUID, policy: MatchPolicy, *, but: Collection[UUID]
) -> set[UUID]:
    """Return the reports with a match of pictures that will stand: it has its evidence already."""
    matches = _touching(session, report_id)
    unsettled, links = (
        _open(session, {_other(each, report_id) for each in matches}),
        _links(session, matches),
    )
    return {
        other
        for match in matches
        if match.kind in (*PICTURE_KINDS, *CLOSE_KINDS)
        and (
            (other := _other(match, report_id)) not in unsettled
            or _is_decided(match, links.get(match.id, []))
            or (match.id not in but and holds(match, policy))
        )
    }


def _one(rules: _Rules, report_id: UUID, done: Rematched) -> bool:
    """Compare one report anew in one transaction; False if it is not to be compared after all."""
    started, policy = time.monotonic(), rules.policy
    looked = _look(rules, report_id)
    with rules.database.writing() as session:
        lock_routing(session)
        progress = session.get(ReportProgress, report_id, with_for_update=True)
        if progress is None or progress.finished_at is None or not _open(session, [report_id]):
            return False
        before = _touching(session, report_id, lock=True)
        gone, doubted = _judge(session, before, report_id, policy=policy, unlike=looked.unlike)
        report = session.get_one(Report, report_id)
        _store(session, report, looked.alike, policy)
        kept = {match.id for match in before}
        fresh = [match for match in _touching(session, report_id) if match.id not in kept]
        beside = _beside(session, report_id)
        is_news = any(_other(match, report_id) not in beside for match in fresh)
        for flag, is_raised in ((NEW, is_news), (DOUBTED, bool(doubted))):
            if is_raised:
                flag_cases(session, report_id=report_id, flag=flag, action="case_flagged")
        facts = {
            "policy": policy.version,
            "found": len(fresh), "withdrawn": len(gone), "doubted": len(doubted),
        }  # fmt: skip
        session.add(
            ReportStep(
                report_id=report_id, step=STEP, duration_s=time.monotonic() - started, facts=facts
            )
        )
        if fresh or gone or doubted:
            audit.record(
                session,
                actor=audit.OPERATOR,
                action="report.rematched",
                subject=("report", report_id),
                before={"matches": gone},
                after={**facts, "matches": [told(match) for match in fresh]},
            )
    done.found += len(fresh)
    done.withdrawn += len(gone)
    done.doubted += len(doubted)
    return True


def _touching(session: Session, report_id: UUID, *, lock: bool = False) -> Sequence[Match]:
    found = select(Match).where(
        or_(Match.report_id == report_id, Match.other_report_id == report_id)
    )
    return session.scalars(found.order_by(Match.id).with_for_update() if lock else found).all()


def _judge(
    session: Session,
    matches: Sequence[Match],
    report_id: UUID,
    *,
    policy: MatchPolicy,
    unlike: Collection[UUID],
) -> tuple[list[dict[str, Any]], list[CaseReport]]:
    """Withdraw the machine's matches that no longer hold; return them, and the links in doubt."""
    others = {_other(match, report_id) for match in matches}
    unsettled = _open(session, others)
    links = _links(session, matches)
    gone, doubted = [], []
    for match in matches:
        mine = links.get(match.id, [])
        if _is_decided(match, mine) or _other(match, report_id) not in unsettled:
            continue
        held = holds(match, policy)
        if held is None:
            continue
        if held and match.id not in unlike:
            match.policy = policy.version
        elif mine:
            doubted += [link for link in mine if link.unlinked_at is None]
        else:
            gone.append(told(match))
            session.execute(delete(Match).where(Match.id == match.id))
    session.flush()
    return gone, doubted


def _links(session: Session, matches: Sequence[Match]) -> dict[UUID | None, list[CaseReport]]:
    """Return by match the links that were made by it."""
    links: dict[UUID | None, list[CaseReport]] = {}
    for link in session.scalars(
        select(CaseReport).where(CaseReport.match_id.in_([match.id for match in matches]))
    ):
        links.setdefault(link.match_id, []).append(link)
    return links


def _is_decided(match: Match, links: Sequence[CaseReport]) -> bool:
    """Whether a person has made, rejected, linked by or unlinked this match."""
    return not is_only_machines(match) or any(link.linked_by or link.unlinked_by for link in links)


def _beside(session: Session, report_id: UUID) -> set[UUID]:
    """Return the reports that stand in a case with this one, which need not be pointed to."""
    cases = select(CaseReport.case_id).where(
        CaseReport.report_id == report_id, CaseReport.unlinked_at.is_(None)
    )
    return set(
        session.scalars(
            select(CaseReport.report_id).where(
                CaseReport.case_id.in_(cases), CaseReport.unlinked_at.is_(None)
            )
        )
    )


def _other(match: Match, report_id: UUID) -> UUID:
    return match.other_report_id if match.report_id == report_id else match.report_id


def _store(session: Session, report: Report, alike: Alike, policy: MatchPolicy) -> None:
    """Write the matches that are new, with pictures and with what is near."""
    keep(session, report=report, alike=alike, policy=policy)
    chosen = choose_place(load_places(session, report_ids=[report.id])[report.id])
    if chosen is None:
        return
    own = select(CaseReport.case_id).where(CaseReport.report_id == report.id)
    standing = set(session.scalars(own))
    for department, categories in by_department(report.categories).items():
        near = find_neighbours(
            session,
            report=report,
            department=department,
            categories=categories,
            place=chosen.claim.point,
            policy=policy,
        )
        found = [
            each for each in near
            if each.case.id not in standing and each.case.state in OPEN_STATES
        ]  # fmt: skip
        store_neighbours(session, report=report, found=found, policy=policy)
