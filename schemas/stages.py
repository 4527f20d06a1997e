"""On which pile of the queue a case lies, by its state: what every list is cut by.

The database keeps each case's stage itself, by trigger, so that a list of any tab is one
range of an index. A test holds the triggers to this table.
"""

from enum import IntEnum

from schemas.lifecycle import OPEN_STATES, State

ENDED_STATES = frozenset({State.CLOSED, State.INVALID, State.TRANSFERRED})


class Stage(IntEnum):
    """A pile of the queue. A case whose conclusion waits for a signature lies on its own."""

    DISPATCH = 0
    OWED = 1
    SIGNING = 2
    DECIDED = 3
    ENDED = 4


UNENDED = (Stage.DISPATCH, Stage.OWED, Stage.SIGNING, Stage.DECIDED)
# Where a due date may run; whether it does is said by the state.
RUNNING = (Stage.DISPATCH, Stage.OWED, Stage.SIGNING)


def stage_of(state: State, *, is_proposed: bool = False) -> Stage:
    """Return the pile of a case in `state`; `is_proposed` where a signature is waited for."""
    if state in ENDED_STATES:
        return Stage.ENDED
    if is_proposed:
        return Stage.SIGNING
    if state is State.DISPATCH:
        return Stage.DISPATCH
    return Stage.OWED if state in OPEN_STATES else Stage.DECIDED
