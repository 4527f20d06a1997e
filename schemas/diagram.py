"""The life of a case as a page: a Mermaid state diagram and two tables, all made from the rules."""

from collections.abc import Iterable

from schemas.access import ROLE_NAMES, Role
from schemas.acts import ACTS
from schemas.lifecycle import STATE_NAMES, TRANSITIONS, Actor, State, Step
from schemas.record_fields import FIELDS
from schemas.words import Words

_HEAD = """# The life of a case

Made by `suishoupai docs lifecycle` from `schemas/lifecycle.py` and `schemas/acts.py`; a test
holds this page to them. The first name acts or proposes; the one after «+» has to sign second, and
is never who proposed it.
"""


def lifecycle_page() -> str:
    """Return the page: diagram, moves, and what is done within a state."""
    moves = [
        _row(
            f"{_state(move.source)} → {_state(move.target)}",
            move,
        )
        for move in TRANSITIONS
    ]
    acts = [
        _row(_both(act.words), act, "、".join(STATE_NAMES[s].zh for s in State if s in act.states))
        for act in ACTS
    ]
    return "\n".join(
        [
            _HEAD,
            "```mermaid",
            *diagram(),
            "```",
            "",
            "## Moves",
            "",
            *_table(("from → to", "who", "must be recorded", "rule"), moves),
            "",
            "## Within a state",
            "",
            *_table(("what", "in", "who", "must be recorded", "rule"), acts),
            "",
        ]
    )


def diagram() -> list[str]:
    """Return the lines of a Mermaid state diagram of the moves."""
    lines = ["stateDiagram-v2", "    direction TB"]
    lines += [f'    state "{_both(STATE_NAMES[state])}" as {state.value}' for state in State]
    lines.append(f"    [*] --> {State.RECEIVED.value}")
    lines += [
        f"    {move.source.value} --> {move.target.value}: {_who(move)}" for move in TRANSITIONS
    ]
    ended = {State.CLOSED, State.INVALID, State.TRANSFERRED}
    lines += [f"    {state.value} --> [*]" for state in State if state in ended]
    return lines


def _row(name: str, step: Step, where: str | None = None) -> tuple[str, ...]:
    recorded = "、".join(FIELDS[field].words.zh for field in step.required) or "–"
    middle = () if where is None else (where,)
    return (name, *middle, _who(step), recorded, step.ground or "–")


def _who(step: Step) -> str:
    first = "/".join(_role(role) for role in _ordered(step.proposers))
    second = "/".join(_role(role) for role in _ordered(step.approvers))
    return f"{first} + {second}" if second else first


def _ordered(roles: Iterable[Role | Actor]) -> list[Role | Actor]:
    return sorted(roles, key=lambda role: role.value)


def _role(role: Role | Actor) -> str:
    return ROLE_NAMES[role].zh if isinstance(role, Role) else "系统"


def _state(state: State) -> str:
    return _both(STATE_NAMES[state])


def _both(words: Words) -> str:
    return f"{words.zh} {words.en}"


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return [f"| {' | '.join(row)} |" for row in lines]
