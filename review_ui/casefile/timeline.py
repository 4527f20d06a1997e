"""What happened to a case, as one list that reads from top to bottom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Row, Select, String, Uuid, cast, func, literal, null, select, union_all
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from review_ui.casefile.reading import CaseFile
from review_ui.casework.locking import CHANGES
from review_ui.casework.signatures import step_name
from review_ui.people import People
from schemas.audit_words import told
from schemas.database import UtcDateTime
from schemas.lifecycle import STATE_NAMES, State
from schemas.tables import AuditEntry, Case, CaseAct, CaseHistory, CaseProposal, CaseReport, Unit
from schemas.words import Words

# Audited changes that the history, the proposals and the links tell in full.
_TOLD_ELSEWHERE = frozenset(
    {
        "case_acted",
        "case_advanced",
        "case_proposed",
        "case_sent_back",
        "case_linked",
        "case_unlinked",
    }
)
# What is told of a case though its screen's version stays.
_BESIDE = frozenset({"case_held", "case_released"})
_JSON = JSON().with_variant(JSONB(), "postgresql")


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


@dataclass(frozen=True, slots=True)
class Story:
    """The rows of a case's history, proposals and audited changes, as they were read."""

    rows: Sequence[Row[Any]]
    links: Sequence[CaseReport]

    def staff_ids(self) -> set[UUID | None]:
        """Return everybody whose name the story needs."""
        found = {key for row in self.rows for key in (row.by, row.second)}
        found |= {key for link in self.links for key in (link.linked_by, link.unlinked_by)}
        return found | {_assignee(row) for row in self.rows}


def read_story(session: Session, *, file: CaseFile) -> Story:
    """Read what happened to a case, in one statement."""
    kinds = (_moves(file.case), _proposals(file.case), _changes(file.case), _acts(file.case))
    rows = union_all(*kinds).order_by("nr", "place", "id")
    return Story(session.execute(rows).all(), file.links)


def timeline(story: Story, *, people: People) -> tuple[Event, ...]:
    """Return every event of a case, the newest first."""
    events: list[Event] = []
    changes = [row for row in story.rows if row.nr == _CHANGE]
    for row in story.rows:
        if row.nr == _MOVE:
            events.append(_moved(row, people))
        elif row.nr == _PROPOSAL:
            events += _proposed(row, people)
        elif row.nr == _ACT:
            events.append(_acted(row, people))
    for link in story.links:
        events += _linked(link, people)
    events += [_changed(row, people) for row in changes]
    # Events of one moment keep their order: what was done before what it led to.
    return tuple(sorted(events, key=lambda event: event.at)[::-1])


_MOVE, _PROPOSAL, _CHANGE, _ACT = 1, 2, 3, 4


def _moves(case: Case) -> Select[Any]:
    return (
        select(
            literal(_MOVE).label("nr"),
            CaseHistory.version.label("place"),
            CaseHistory.id.label("id"),
            CaseHistory.occurred_at.label("at"),
            CaseHistory.actor_id.label("by"),
            CaseHistory.second_actor_id.label("second"),
            cast(CaseHistory.to_state, String).label("what"),
            CaseHistory.record.label("record"),
            cast(Unit.name, String).label("said"),
            cast(null(), UtcDateTime).label("decided_at"),
            cast(null(), String).label("outcome"),
        )
        .join(Unit, Unit.id == CaseHistory.unit_id)
        .where(CaseHistory.case_id == case.id)
    )


def _proposals(case: Case) -> Select[Any]:
    return select(
        literal(_PROPOSAL),
        literal(0),
        CaseProposal.id,
        CaseProposal.proposed_at,
        CaseProposal.proposed_by,
        CaseProposal.decided_by,
        func.coalesce(cast(CaseProposal.act, String), cast(CaseProposal.to_state, String)),
        CaseProposal.record,
        cast(CaseProposal.reason, String),
        CaseProposal.decided_at,
        cast(CaseProposal.outcome, String),
    ).where(CaseProposal.case_id == case.id)


def _changes(case: Case) -> Select[Any]:
    return select(
        literal(_CHANGE),
        literal(0),
        AuditEntry.id,
        AuditEntry.recorded_at,
        AuditEntry.actor_id,
        cast(null(), Uuid),
        cast(AuditEntry.action, String),
        AuditEntry.after,
        cast(null(), String),
        cast(null(), UtcDateTime),
        cast(null(), String),
    ).where(
        AuditEntry.subject_kind == "case",
        AuditEntry.subject_id == case.id,
        AuditEntry.action.in_((CHANGES | _BESIDE) - _TOLD_ELSEWHERE),
    )


def _acts(case: Case) -> Select[Any]:
    return select(
        literal(_ACT),
        CaseAct.version,
        CaseAct.id,
        CaseAct.occurred_at,
        CaseAct.actor_id,
        CaseAct.second_actor_id,
        cast(CaseAct.act, String),
        CaseAct.record,
        cast(null(), String),
        cast(null(), UtcDateTime),
        cast(null(), String),
    ).where(CaseAct.case_id == case.id)


def _moved(row: Row[Any], people: People) -> Event:
    state = State(row.what)
    return Event(
        at=row.at,
        words=STATE_NAMES[state],
        icon="arrow-right",
        actors=people.of(row.by, row.second),
        unit=row.said,
        state=state,
        record=row.record,
    )


def _acted(row: Row[Any], people: People) -> Event:
    return Event(
        at=row.at,
        words=step_name(row.what),
        icon="arrow-right",
        actors=people.of(row.by, row.second),
        record=row.record,
    )


def _proposed(row: Row[Any], people: People) -> list[Event]:
    target = step_name(row.what)
    made = Event(
        at=row.at,
        words=Words(f"提出“{target.zh}”，待第二人签字", f"Proposed “{target.en}”, to be signed"),
        icon="signature",
        actors=people.of(row.by),
        record=row.record,
    )
    if row.decided_at is None or row.outcome == "confirmed":
        # What was confirmed stands in the history with both names.
        return [made]
    sent_back = Words(f"退回“{target.zh}”", f"Sent “{target.en}” back")
    lapsed = Words(
        f"“{target.zh}”未签字，案件已另行办理", f"“{target.en}” lapsed: the case moved on otherwise"
    )
    return [
        made,
        Event(
            at=row.decided_at,
            words=sent_back if row.outcome == "sent_back" else lapsed,
            icon="arrow-back-up",
            actors=people.of(row.second),
            reason=row.said,
        ),
    ]


def _linked(link: CaseReport, people: People) -> list[Event]:
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
                actors=people.of(link.linked_by),
            )
        )
    if link.unlinked_at:
        events.append(
            Event(
                at=link.unlinked_at,
                words=Words(f"移出{who} 的举报", f"Took the report of {who} out"),
                icon="unlink",
                actors=people.of(link.unlinked_by),
            )
        )
    return events


def _changed(row: Row[Any], people: People) -> Event:
    assignee = _assignee(row)
    if assignee:
        (name,) = people.of(assignee)
        words = Words(f"由 {name} 经办", f"In the hands of {name}")
    else:
        what = told(row.what, row.record)
        words = Words(what.zh, what.en[:1].upper() + what.en[1:])
    return Event(
        at=row.at,
        words=words,
        icon="user" if assignee else "pencil",
        actors=people.of(row.by),
        reason=str(row.record.get("reason", "")),
    )


def _assignee(row: Row[Any]) -> UUID | None:
    if row.nr != _CHANGE or row.what != "case_assigned":
        return None
    return UUID(row.record["assignee_id"])
