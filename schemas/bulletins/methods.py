"""The methods by which bulletins were ever counted, and which of them counts the next one.

An issue is proved, revised and shown case by case by the method it was counted by, however
many came after. So a method is never altered and never taken away: whatever is counted,
withheld or named otherwise is a new one, and older issues go on as before. A method is told
by what it does otherwise than the others; a frozen issue of each stands in the tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.bulletins.definitions import INDICATORS
from schemas.bulletins.platforms import courier_shared, platform_of
from schemas.errors import NotFound
from schemas.words import Words


@dataclass(frozen=True, slots=True)
class Method:
    """One way of counting: its name as issues bear it, and its place among the methods.

    `platform_of` brings what a rider wrote to a row. What only later methods count is left
    out by `rank`: indicators by their `since`.
    """

    name: str
    rank: int
    platform_of: Callable[[str], str]

    def cut(self, figures: Mapping[str, int | None]) -> dict[str, int | None]:
        """Return the figures that this method counts."""
        return {key: value for key, value in figures.items() if INDICATORS[key].since <= self.rank}


METHODS: dict[str, Method] = {
    each.name: each
    for each in (
        Method("bulletin-2026-11", 1, courier_shared),
        # SF, FlashEx and UU have a row each; they had shared one, as if they were one service.
        Method("bulletin-2026-11.2", 2, platform_of),
        # Campaigns of visits are counted.
        Method("bulletin-2026-11.3", 3, platform_of),
    )
}
PRESENT = max(METHODS.values(), key=lambda each: each.rank)


def method_of(name: str) -> Method:
    """Return the method of an issue; raises NotFound `bulletin-method-unknown`."""
    if name in METHODS:
        return METHODS[name]
    raise NotFound(
        "bulletin-method-unknown",
        Words(
            f"这一期周报按“{name}”统计，本程序不认识这种统计方法，请升级后再看。",
            f"This bulletin was counted by “{name}”, which this program does not know: upgrade it.",
        ),
    )
