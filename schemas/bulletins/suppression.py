"""Which cells of a public table are withheld, so that no small figure can be told or reckoned.

A figure from 1 up to the threshold less 1 could name a rider. Beside every small cell of a
column others are withheld that are not small, at least one, so that what the total less
the shown cells gives away is a sum S of k cells, and so many that S ≥ 2·threshold + k.

Companions are taken in an order that has nothing to do with the figures (a hash of their
names), and when to stop depends on S and k alone. So it is no help to know this method:
for every small cell there is another table with the same public form in which that cell is
different (a test searches for it; «minimality attack», Wong et al., VLDB 2007). Where the
cells do not suffice, the whole column of the table is withheld, with the names of its rows.

What was public before stays known: a cell that an earlier revision showed with the same
value hides nothing, and a cell that was once withheld stays so.
"""

import hashlib
from collections.abc import Collection, Mapping


def withhold(
    cells: Mapping[str, int],
    *,
    threshold: int,
    before: Collection[str] = (),
    known: Collection[str] = (),
) -> frozenset[str] | None:
    """Return the names of the cells to withhold; None where all of them do not suffice.

    `cells` are the figures of one column that are not zero, `before` names that were
    withheld earlier, `known` those of cells that can hide nothing.
    """
    small = {name for name, value in cells.items() if value < threshold}
    hidden = small | {name for name in before if name in cells}
    if not hidden:
        return frozenset()
    spare = sorted((name for name in cells if name not in hidden and name not in known), key=_order)
    while True:
        if not spare:
            return None
        hidden.add(spare.pop(0))
        hiding = [cells[name] for name in hidden if name not in known]
        if sum(hiding) >= 2 * threshold + len(hiding):
            return frozenset(hidden)


def _order(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
