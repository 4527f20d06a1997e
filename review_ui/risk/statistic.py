"""When a square holds more verified cases than its share: one statistic, explained and exact.

A county's V verified cases are thought to fall by lot on its squares, on each with the
probability of its share s (review_ui.risk.cells says of what). How many fall on a square is
then binomial, and the probability of v or more is  P(X ≥ v) = Σ_{k=v..V} C(V,k) s^k (1-s)^(V-k).

Many squares are looked at, so that some are unlikely by chance alone. Benjamini and
Hochberg (1995, «Controlling the False Discovery Rate», J. R. Statist. Soc. B 57) put the m
probabilities in order and take the greatest i with p_(i) ≤ i/m · q: of the squares up to it
not more than the part q is there by chance, on average.
"""

import math
from collections.abc import Sequence

# Of the squares that are called hot one in twenty may be so by chance.
FALSE_DISCOVERIES = 0.05


def at_least(successes: int, trials: int, share: float) -> float:
    """Return P(X ≥ successes) for X binomial of `trials` with the probability `share`."""
    if successes <= 0 or share >= 1:
        return 1.0
    if successes > trials or share <= 0:
        return 0.0
    if successes > trials * share:
        return min(1.0, _tail(successes, trials, share))
    # Below the mean the other tail is the short one: that at most `successes - 1` succeed.
    return max(0.0, 1.0 - _tail(trials - successes + 1, trials, 1 - share))


def _tail(successes: int, trials: int, share: float) -> float:
    """Return P(X ≥ successes) beyond the mean, where each next term is smaller than the last.

    It is summed until a term no longer changes the sum: a country has tens of thousands of squares.
    """
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(successes + 1)
        - math.lgamma(trials - successes + 1)
        + successes * math.log(share)
        + (trials - successes) * math.log1p(-share)
    )
    odds, total = share / (1 - share), 0.0
    for k in range(successes, trials + 1):
        if total + term == total:
            break
        total += term
        term *= (trials - k) / (k + 1) * odds
    return total


def discovered(probabilities: Sequence[float], *, rate: float = FALSE_DISCOVERIES) -> list[bool]:
    """Return for each probability whether it is a discovery by Benjamini and Hochberg."""
    ordered = sorted(probabilities)
    number = len(ordered)
    limit = max(
        (each for place, each in enumerate(ordered, 1) if each <= rate * place / number),
        default=-1.0,
    )
    return [each <= limit for each in probabilities]
