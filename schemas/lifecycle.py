"""The life of a case as ONE table: from, to, roles, signatures, what must be recorded.

The page's buttons, the API, the tests and `casework.advance` all read this table.
Source: `Transition.ground` names the rule (SAMR Order 121 on complaints and
reports; Order on administrative penalty procedure; Food Safety Law).
"""

from dataclasses import dataclass
from enum import StrEnum

from schemas.access import Role
from schemas.words import Words


class State(StrEnum):
    """Where a case stands; one at a time."""

    RECEIVED = "received"
    DISPATCH = "dispatch"
    ASSIGNED = "assigned"
    VERIFYING = "verifying"
    VERIFIED = "verified"
    UNFOUNDED = "unfounded"
    UNVERIFIABLE = "unverifiable"
    RECTIFYING = "rectifying"
    FILED = "filed"
    NOT_FILED = "not_filed"
    PENALISED = "penalised"
    NO_PENALTY = "no_penalty"
    WITHDRAWN = "withdrawn"
    TRANSFERRED = "transferred"
    INVALID = "invalid"
    CLOSED = "closed"
    REOPENED = "reopened"


STATE_NAMES: dict[State, Words] = {
    State.RECEIVED: Words("已受理", "Received"),
    State.DISPATCH: Words("待分派", "In dispatch"),
    State.ASSIGNED: Words("已分派", "Assigned"),
    State.VERIFYING: Words("核查中", "Being verified"),
    State.VERIFIED: Words("查实", "Verified"),
    State.UNFOUNDED: Words("不实", "Unfounded"),
    State.UNVERIFIABLE: Words("无法查证", "Unverifiable"),
    State.RECTIFYING: Words("责令改正", "Rectification ordered"),
    State.FILED: Words("立案", "Filed"),
    State.NOT_FILED: Words("不予立案", "Not filed"),
    State.PENALISED: Words("已处罚", "Penalised"),
    State.NO_PENALTY: Words("不予处罚", "No penalty"),
    State.WITHDRAWN: Words("撤销立案", "Filing withdrawn"),
    State.TRANSFERRED: Words("已移送", "Transferred"),
    State.INVALID: Words("不属举报", "Not a report"),
    State.CLOSED: Words("办结", "Closed"),
    State.REOPENED: Words("重新办理", "Reopened"),
}

# What the reporter reads: nothing about the inspector, the shop's defence or other riders.
PUBLIC_STATUS: dict[State, Words] = {
    State.RECEIVED: Words("已收到,正在找负责的部门。", "Received; finding who is responsible."),
    State.DISPATCH: Words(
        "已收到,工作人员正在确认由哪里办理。", "Received; a person is deciding who handles it."
    ),
    State.ASSIGNED: Words(
        "已分给负责的市场监管部门或主管部门。", "It is with the responsible department."
    ),
    State.VERIFYING: Words("正在核查。", "It is being checked on site."),
    State.VERIFIED: Words("核查属实,谢谢您。", "Checked and found true. Thank you."),
    State.UNFOUNDED: Words("核查后未发现所反映的问题。", "Checked; the problem was not found."),
    State.UNVERIFIABLE: Words("目前无法查证。", "It can't be checked with what is known."),
    State.RECTIFYING: Words(
        "核查属实,已责令商家改正。", "Found true; the shop was ordered to put it right."
    ),
    State.FILED: Words("核查属实,已立案。", "Found true; a penalty case was filed."),
    State.NOT_FILED: Words("核查属实,依法不予立案。", "Found true; by law no case is filed."),
    State.PENALISED: Words("核查属实,已依法处罚。", "Found true; the shop was penalised."),
    State.NO_PENALTY: Words("已依法作出不予处罚决定。", "By law no penalty was imposed."),
    State.WITHDRAWN: Words("已立案,后依法撤销。", "A case was filed and later withdrawn by law."),
    State.TRANSFERRED: Words(
        "已移送有权处理的部门。", "Handed over to the department that has the power."
    ),
    State.INVALID: Words("不属于食品安全举报范围。", "Not something this service can act on."),
    State.CLOSED: Words("已办结。", "Closed."),
    State.REOPENED: Words("因有新情况,已重新办理。", "Taken up again because of new facts."),
}

# States in which somebody still owes an answer, so that a due date runs.
OPEN_STATES = frozenset(
    {
        State.RECEIVED,
        State.DISPATCH,
        State.ASSIGNED,
        State.VERIFYING,
        State.VERIFIED,
        State.RECTIFYING,
        State.FILED,
        State.REOPENED,
    }
)


class Actor(StrEnum):
    """Who moves a case when it is not a person."""

    PIPELINE = "pipeline"


@dataclass(frozen=True)
class Transition:
    """One permitted move. `required` and `optional` name record fields of schemas.records."""

    source: State
    target: State
    roles: frozenset[Role | Actor]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("note",)
    signatures: int = 1
    ground: str = ""
    milestone: str | None = None


_I, _D, _B = Role.INSPECTOR, Role.DISPATCHER, Role.BUREAU_HEAD
_S = State
_VISIT = ("visited_on", "visit_place", "findings", "actual_address")
_SHOP = ("shop_credit_code", "licence_number", "note")


def _moves(
    sources: tuple[State, ...],
    target: State,
    roles: set[Role | Actor],
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = ("note",),
    signatures: int = 1,
    ground: str = "",
    milestone: str | None = None,
) -> tuple[Transition, ...]:
    return tuple(
        Transition(
            source, target, frozenset(roles), required, optional, signatures, ground, milestone
        )
        for source in sources
    )


TRANSITIONS: tuple[Transition, ...] = (
    *_moves((_S.RECEIVED,), _S.DISPATCH, {Actor.PIPELINE}, ("route_reasons",)),
    *_moves((_S.RECEIVED,), _S.ASSIGNED, {Actor.PIPELINE}, ("unit_id", "boundary_version")),
    *_moves((_S.DISPATCH,), _S.ASSIGNED, {_D, _B}, ("unit_id",)),
    *_moves((_S.ASSIGNED,), _S.VERIFYING, {_I}),
    *_moves((_S.ASSIGNED, _S.VERIFYING), _S.DISPATCH, {_I}, ("reason",), ground="121 号令第 41 条"),
    *_moves(
        (_S.DISPATCH, _S.ASSIGNED, _S.VERIFYING),
        _S.TRANSFERRED,
        {_D, _B},
        ("receiving_department", "document_number", "notice_date"),
        ground="《食品安全法》第 115 条",
    ),
    *_moves((_S.DISPATCH, _S.ASSIGNED), _S.INVALID, {_D}, ("reason_code",)),
    *_moves(
        (_S.VERIFYING,),
        _S.VERIFIED,
        {_I},
        _VISIT,
        _SHOP,
        signatures=2,
        ground="《行政处罚法》第 42 条",
        milestone="verified_at",
    ),
    *_moves((_S.VERIFYING,), _S.UNFOUNDED, {_I}, _VISIT, signatures=2),
    *_moves((_S.VERIFYING,), _S.UNVERIFIABLE, {_I}, ("findings",), signatures=2),
    *_moves(
        (_S.VERIFIED,),
        _S.RECTIFYING,
        {_I},
        ("order_number", "rectify_by"),
        milestone="rectification_ordered_at",
    ),
    *_moves(
        (_S.RECTIFYING,), _S.VERIFIED, {_I}, ("reinspection_result", "visited_on"), signatures=2
    ),
    *_moves(
        (_S.VERIFIED, _S.RECTIFYING),
        _S.FILED,
        {_B},
        ("approval_number", "filing_ground"),
        milestone="filed_at",
        ground="处罚程序规定第 18、19 条",
    ),
    *_moves((_S.VERIFIED, _S.RECTIFYING), _S.NOT_FILED, {_B}, ("approval_number", "filing_ground")),
    *_moves(
        (_S.FILED,),
        _S.PENALISED,
        {_B},
        (
            "decision_number",
            "decided_on",
            "law_article",
            "penalty_kinds",
            "fine_fen",
            "confiscation_fen",
            "published_on",
        ),
        milestone="penalised_at",
    ),
    *_moves((_S.FILED,), _S.NO_PENALTY, {_B}, ("decision_number", "decided_on", "reason")),
    *_moves((_S.FILED,), _S.WITHDRAWN, {_B}, ("reason",)),
    *_moves(
        (_S.UNFOUNDED, _S.UNVERIFIABLE, _S.NOT_FILED, _S.PENALISED, _S.NO_PENALTY, _S.WITHDRAWN),
        _S.CLOSED,
        {_B},
        ("reason",),
        milestone="closed_at",
    ),
    *_moves((_S.CLOSED, _S.TRANSFERRED), _S.REOPENED, {_B}, ("reason",)),
    *_moves((_S.REOPENED,), _S.VERIFYING, {_B, _I}),
)

_BY_PAIR = {(move.source, move.target): move for move in TRANSITIONS}


def transition(source: State, target: State) -> Transition | None:
    """Return the permitted move from `source` to `target`, or None."""
    return _BY_PAIR.get((source, target))


def moves_from(source: State, roles: frozenset[Role]) -> tuple[Transition, ...]:
    """Return the moves that a holder of `roles` may make from `source`, in table order."""
    return tuple(move for move in TRANSITIONS if move.source == source and move.roles & roles)
