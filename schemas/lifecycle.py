"""The life of a case as ONE table: from, to, roles, signatures, what must be recorded.

The page's buttons, the API, the tests, docs/lifecycle.md and `casework.advance` all
read this table. What is done within a state stands in schemas.acts, by the same shape.
Source: `Transition.ground` names the rule (SAMR Order 121 on complaints and
reports; Order on administrative penalty procedure; Food Safety Law).
"""

from collections.abc import Iterable
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

# Where what the reporter saw was found to be so.
FOUND_TRUE = frozenset(
    {State.VERIFIED, State.RECTIFYING, State.FILED, State.NOT_FILED, State.PENALISED}
)

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

# What the reporter is thanked with: for what was found true, and for whatever was answered.
THANKS_FOUND_TRUE = Words(
    "您拍下的隐患查实了。谢谢您，大家的饭菜因此更让人放心。",
    "What you photographed was found to be so. Thank you: people eat more safely for it.",
)
THANKS = Words(
    "谢谢您的留心。以后看到不对劲的地方，欢迎继续拍给我们。",
    "Thank you for keeping an eye open. Whenever something looks wrong, send us a photo again.",
)


def thanks_for(states: Iterable[State]) -> Words | None:
    """Return the thanks for a report whose cases went through these states, the last one last.

    None while nobody has looked into it, or where it was for nobody to look into.
    """
    seen = list(states)
    if FOUND_TRUE & set(seen):
        return THANKS_FOUND_TRUE
    return THANKS if seen and seen[-1] not in OPEN_STATES else None


class Actor(StrEnum):
    """Who moves a case when it is not a person."""

    PIPELINE = "pipeline"


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something that may be done with a case, and by whom.

    With `approvers` it takes two: somebody of `proposers` proposes it and a different
    person of `approvers` signs. `required` and `optional` name record fields of
    schemas.records.
    """

    proposers: frozenset[Role | Actor]
    approvers: frozenset[Role] = frozenset()
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ("note",)
    ground: str = ""

    @property
    def signatures(self) -> int:
        """How many different people it takes."""
        return 2 if self.approvers else 1

    @property
    def roles(self) -> frozenset[Role | Actor]:
        """Who may make the step, or propose it where two have to sign."""
        return self.proposers


@dataclass(frozen=True, kw_only=True)
class Transition(Step):
    """One permitted move from a state to another."""

    source: State
    target: State
    milestone: str | None = None


_I, _D, _B = Role.INSPECTOR, Role.DISPATCHER, Role.BUREAU_HEAD
_S = State
_VISIT = ("visited_on", "visit_place", "findings", "actual_address")
_SHOP = ("shop_credit_code", "licence_number", "note")
# Whoever handles the case proposes; a bureau head who did not propose it approves.
_HANDLERS: frozenset[Role | Actor] = frozenset({_I, _B})
_HEAD = frozenset({_B})
_COLLEAGUE = frozenset({_I})


def _moves(
    sources: tuple[State, ...],
    target: State,
    proposers: Iterable[Role | Actor],
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = ("note",),
    approvers: frozenset[Role] = frozenset(),
    ground: str = "",
    milestone: str | None = None,
) -> tuple[Transition, ...]:
    return tuple(
        Transition(
            source=source,
            target=target,
            proposers=frozenset(proposers),
            approvers=approvers,
            required=required,
            optional=optional,
            ground=ground,
            milestone=milestone,
        )
        for source in sources
    )


TRANSITIONS: tuple[Transition, ...] = (
    *_moves((_S.RECEIVED,), _S.DISPATCH, {Actor.PIPELINE}, ("route_reasons",)),
    *_moves((_S.RECEIVED,), _S.ASSIGNED, {Actor.PIPELINE}, ("unit_id", "boundary_version")),
    *_moves((_S.DISPATCH,), _S.ASSIGNED, {_D, _B}, ("unit_id",), ("designation_number", "note")),
    *_moves((_S.ASSIGNED,), _S.VERIFYING, {_I}),
    *_moves((_S.ASSIGNED, _S.VERIFYING), _S.DISPATCH, {_I}, ("reason",), ground="121 号令第 41 条"),
    *_moves(
        (_S.DISPATCH, _S.ASSIGNED, _S.VERIFYING),
        _S.TRANSFERRED,
        {_D, _B},
        ("receiving_department", "document_number", "notice_date"),
        ground="《食品安全法》第 115 条",
    ),
    *_moves(
        (_S.DISPATCH, _S.ASSIGNED), _S.INVALID, {_D}, ("reason_code",), ("merged_into", "note")
    ),
    # Once somebody looks into it, a case can still join an older one of the same incident.
    *_moves((_S.VERIFYING,), _S.INVALID, {_D}, ("reason_code", "merged_into")),
    *_moves((_S.INVALID,), _S.DISPATCH, {_D}, ("reason",)),
    *_moves(
        (_S.VERIFYING,),
        _S.VERIFIED,
        {_I},
        _VISIT,
        (*_SHOP, "deciding_addition"),
        approvers=_COLLEAGUE,
        ground="《行政处罚法》第 42 条",
        milestone="verified_at",
    ),
    *_moves((_S.VERIFYING,), _S.UNFOUNDED, {_I}, _VISIT, approvers=_COLLEAGUE),
    *_moves((_S.VERIFYING,), _S.UNVERIFIABLE, {_I}, ("findings",), approvers=_COLLEAGUE),
    *_moves(
        (_S.VERIFIED,),
        _S.RECTIFYING,
        {_I},
        ("order_number", "rectify_by"),
        ("ordered_on", "note"),
        milestone="rectification_ordered_at",
    ),
    *_moves(
        (_S.RECTIFYING,),
        _S.VERIFIED,
        {_I},
        ("reinspection_result", "visited_on"),
        approvers=_COLLEAGUE,
    ),
    *_moves(
        (_S.VERIFIED, _S.RECTIFYING),
        _S.FILED,
        _HANDLERS,
        ("approval_number", "filing_ground"),
        approvers=_HEAD,
        milestone="filed_at",
        ground="处罚程序规定第 18、19 条",
    ),
    *_moves(
        (_S.VERIFIED, _S.RECTIFYING),
        _S.NOT_FILED,
        _HANDLERS,
        ("approval_number", "filing_ground"),
        approvers=_HEAD,
        ground="处罚程序规定第 18、20 条",
    ),
    *_moves(
        (_S.FILED,),
        _S.PENALISED,
        _HANDLERS,
        (
            "decision_number",
            "decided_on",
            "law_article",
            "penalty_kinds",
            "fine_fen",
            "confiscation_fen",
            "published_on",
        ),
        ("published_name", "note"),
        approvers=_HEAD,
        milestone="penalised_at",
        ground="《行政处罚法》第 57 条",
    ),
    *_moves(
        (_S.FILED,),
        _S.NO_PENALTY,
        _HANDLERS,
        ("decision_number", "decided_on", "reason"),
        approvers=_HEAD,
        ground="《行政处罚法》第 57 条",
    ),
    *_moves((_S.FILED,), _S.WITHDRAWN, _HANDLERS, ("reason",), approvers=_HEAD),
    *_moves(
        (_S.UNFOUNDED, _S.UNVERIFIABLE, _S.NOT_FILED, _S.PENALISED, _S.NO_PENALTY, _S.WITHDRAWN),
        _S.CLOSED,
        _HANDLERS,
        ("reason",),
        approvers=_HEAD,
        milestone="closed_at",
    ),
    *_moves((_S.CLOSED, _S.TRANSFERRED), _S.REOPENED, _HANDLERS, ("reason",), approvers=_HEAD),
    *_moves((_S.REOPENED,), _S.VERIFYING, {_B, _I}),
)

_BY_PAIR = {(move.source, move.target): move for move in TRANSITIONS}


def transition(source: State, target: State) -> Transition | None:
    """Return the permitted move from `source` to `target`, or None."""
    return _BY_PAIR.get((source, target))


def moves_from(source: State, roles: frozenset[Role]) -> tuple[Transition, ...]:
    """Return the moves that a holder of `roles` may make or propose, in table order."""
    return tuple(move for move in TRANSITIONS if move.source == source and move.proposers & roles)
