"""What happened to a case, as one list that reads from top to bottom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from schemas.lifecycle import STATE_NAMES, State
from schemas.tables import (
    AuditEntry,
    Case,
    CaseHistory,
    CaseProposal,
    CaseReport,
    RouteDecision,
    Staff,
    Unit,
)
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: what, when, by whom (none for the machine), and what was recorded.

    `state` is the state it brought, None where the state stayed. The machine's events
    follow a receipt within seconds, so their moment is to be shown by the hour.
    """

    at: datetime
    words: Words
    icon: str
    actors: tuple[str, ...] = ()
    unit: str | None = None
    state: State | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""


def timeline(session: Session, *, case: Case) -> tuple[Event, ...]:
    """Return every event of a case, the newest first."""
    history = session.execute(
        select(CaseHistory, Unit.name)
        .join(Unit, Unit.id == CaseHistory.unit_id)
        .where(CaseHistory.case_id == case.id)
        .order_by(CaseHistory.version)
    ).all()
    proposals = session.scalars(
        select(CaseProposal).where(CaseProposal.case_id == case.id).order_by(CaseProposal.id)
    ).all()
    links = session.scalars(
        select(CaseReport).where(CaseReport.case_id == case.id).order_by(CaseReport.id)
    ).all()
    assignments = session.scalars(
        select(AuditEntry)
        .where(
            AuditEntry.subject_kind == "case",
            AuditEntry.subject_id == case.id,
            AuditEntry.action == "case_assigned",
        )
        .order_by(AuditEntry.id)
    ).all()
    names = _Names(session, [row for row, _ in history], proposals, links, assignments)
    events = [_moved(row, unit, names) for row, unit in history]
    for proposal in proposals:
        events += _proposed(proposal, names)
    for link in links:
        events += _linked(link, names)
    events += [_assigned(entry, names) for entry in assignments]
    # Events of one moment keep their order: what was done before what it led to.
    return tuple(sorted(events, key=lambda event: event.at)[::-1])


def route_decisions(session: Session, *, case: Case) -> Sequence[RouteDecision]:
    """Return why the case's reports went where they went, the first one first."""
    return session.scalars(
        select(RouteDecision)
        .where(RouteDecision.case_id == case.id)
        .order_by(RouteDecision.decided_at, RouteDecision.id)
    ).all()


class _Names:
    """Names of the staff in a case's history, read at once."""

    def __init__(
        self,
        session: Session,
        history: Sequence[CaseHistory],
        proposals: Sequence[CaseProposal],
        links: Sequence[CaseReport],
        assignments: Sequence[AuditEntry],
    ) -> None:
        wanted = {key for row in history for key in (row.actor_id, row.second_actor_id)}
        wanted |= {key for each in proposals for key in (each.proposed_by, each.decided_by)}
        wanted |= {key for link in links for key in (link.linked_by, link.unlinked_by)}
        wanted |= {entry.actor_id for entry in assignments}
        wanted |= {UUID(entry.after["assignee_id"]) for entry in assignments}
        rows = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(wanted - {None})))
        self._known = dict(rows.all())

    def of(self, *keys: UUID | None) -> tuple[str, ...]:
        """Return the names behind the ids, leaving out those that are None."""
        return tuple(self._known[key] for key in keys if key)


def _moved(row: CaseHistory, unit: str, names: _Names) -> Event:
    state = State(row.to_state)
    return Event(
        at=row.occurred_at,
        words=STATE_NAMES[state],
        icon="arrow-right",
        actors=names.of(row.actor_id, row.second_actor_id),
        unit=unit,
        state=state,
        record=row.record,
    )


def _proposed(proposal: CaseProposal, names: _Names) -> list[Event]:
    target = STATE_NAMES[State(proposal.to_state)]
    made = Event(
        at=proposal.proposed_at,
        words=Words(f"提出“{target.zh}”，待第二人签字", f"Proposed “{target.en}”, to be signed"),
        icon="signature",
        actors=names.of(proposal.proposed_by),
        record=proposal.record,
    )
    if proposal.decided_at is None or proposal.outcome == "confirmed":
        # What was confirmed stands in the history with both names.
        return [made]
    sent_back = Words(f"退回“{target.zh}”", f"Sent “{target.en}” back")
    lapsed = Words(
        f"“{target.zh}”未签字，案件已另行办理", f"“{target.en}” lapsed: the case moved on otherwise"
    )
    return [
        made,
        Event(
            at=proposal.decided_at,
            words=sent_back if proposal.outcome == "sent_back" else lapsed,
            icon="arrow-back-up",
            actors=names.of(proposal.decided_by),
            reason=proposal.reason,
        ),
    ]


def _linked(link: CaseReport, names: _Names) -> list[Event]:
    who = link.pseudonym
    events = []
    if link.kind != "first":
        how = Words("系统并入", "The system linked") if link.linked_by is None else Words(
            "并入", "Linked"
        )  # fmt: skip
        events.append(
            Event(
                at=link.linked_at,
                words=Words(f"{how.zh}{who} 的举报", f"{how.en} the report of {who}"),
                icon="link",
                actors=names.of(link.linked_by),
            )
        )
    if link.unlinked_at:
        events.append(
            Event(
                at=link.unlinked_at,
                words=Words(f"移出{who} 的举报", f"Took the report of {who} out"),
                icon="unlink",
                actors=names.of(link.unlinked_by),
            )
        )
    return events


def _assigned(entry: AuditEntry, names: _Names) -> Event:
    (assignee,) = names.of(UUID(entry.after["assignee_id"]))
    return Event(
        at=entry.recorded_at,
        words=Words(f"由 {assignee} 经办", f"In the hands of {assignee}"),
        icon="user",
        actors=names.of(entry.actor_id),
    )
