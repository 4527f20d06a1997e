"""What is done with a case while its state stays, as one table like the transitions'.

Extensions, pauses, disputes, orders beside a filing, splits: who may, in which
states, with how many signatures, and what must be recorded.
"""

from dataclasses import dataclass
from enum import StrEnum

from schemas.access import Role
from schemas.lifecycle import State, Step
from schemas.words import Words


class ActCode(StrEnum):
    """Something done within a state."""

    EXTEND = "extend"
    PAUSE = "pause"
    RESUME = "resume"
    DISPUTE = "dispute"
    ORDER = "order"
    REINSPECT = "reinspect"
    SPLIT = "split"


@dataclass(frozen=True, kw_only=True)
class Act(Step):
    """One act: its name as a noun for records, as a verb for buttons, and where it may be done."""

    code: ActCode
    words: Words
    verb: Words
    states: frozenset[State]


_I, _D, _B = Role.INSPECTOR, Role.DISPATCHER, Role.BUREAU_HEAD
_S = State
# The clock of verification and filing runs here, and that of the decision once it is filed.
_UNDER_CLOCK = frozenset(
    {_S.ASSIGNED, _S.VERIFYING, _S.VERIFIED, _S.RECTIFYING, _S.REOPENED, _S.FILED}
)
# An order goes its own way beside the penalty: it may still run when that is decided.
_BESIDE_AN_ORDER = frozenset({_S.FILED, _S.NOT_FILED, _S.PENALISED, _S.NO_PENALTY, _S.WITHDRAWN})

ACTS: tuple[Act, ...] = (
    Act(
        code=ActCode.ORDER,
        words=Words("责令改正", "Rectification ordered"),
        verb=Words("责令改正（与立案并行）", "Order rectification beside the filing"),
        states=frozenset({_S.FILED}),
        proposers=frozenset({_I}),
        required=("order_number", "rectify_by"),
        optional=("ordered_on", "note"),
        ground="《行政处罚法》第 28 条",
    ),
    Act(
        code=ActCode.REINSPECT,
        words=Words("复查", "Re-inspection"),
        verb=Words("复查", "Re-inspect"),
        states=_BESIDE_AN_ORDER,
        proposers=frozenset({_I}),
        approvers=frozenset({_I}),
        required=("reinspection_result", "visited_on"),
    ),
    Act(
        code=ActCode.EXTEND,
        words=Words("延长期限", "Extension"),
        verb=Words("申请延长期限", "Extend the clock"),
        states=_UNDER_CLOCK,
        proposers=frozenset({_I, _B}),
        approvers=frozenset({_B}),
        required=("reason",),
        ground="处罚程序规定第 18、64 条",
    ),
    Act(
        code=ActCode.PAUSE,
        words=Words("暂停计算期限", "Clock paused"),
        verb=Words("暂停计算期限", "Pause the clock"),
        states=_UNDER_CLOCK,
        proposers=frozenset({_I}),
        required=("pause_kind", "reason", "pause_from"),
        optional=("pause_to", "note"),
        ground="处罚程序规定第 18、64 条",
    ),
    Act(
        code=ActCode.RESUME,
        words=Words("恢复计算期限", "Clock resumed"),
        verb=Words("恢复计算期限", "Resume the clock"),
        states=_UNDER_CLOCK,
        proposers=frozenset({_I}),
        required=("pause_to",),
    ),
    Act(
        code=ActCode.DISPUTE,
        words=Words("管辖争议", "Jurisdiction dispute"),
        verb=Words("登记管辖争议", "Register a jurisdiction dispute"),
        states=frozenset({_S.DISPATCH}),
        proposers=frozenset({_D, _B}),
        required=("disputing_units", "dispute_since", "reason"),
        ground="121 号令第 33 条",
    ),
    Act(
        code=ActCode.SPLIT,
        words=Words("按部门分案", "Split by department"),
        verb=Words("把其他部门的问题另立案件", "Open a case for another department"),
        states=frozenset({_S.DISPATCH, _S.ASSIGNED, _S.VERIFYING}),
        proposers=frozenset({_I, _D, _B}),
        required=("split_categories", "reason"),
        ground="《食品安全法》第 115 条",
    ),
)

_BY_CODE = {act.code: act for act in ACTS}


def act_of(code: ActCode) -> Act:
    """Return the act of a code."""
    return _BY_CODE[code]


def acts_in(state: State, roles: frozenset[Role]) -> tuple[Act, ...]:
    """Return the acts that a holder of `roles` may do or propose in a state, in table order."""
    return tuple(act for act in ACTS if state in act.states and act.proposers & roles)
