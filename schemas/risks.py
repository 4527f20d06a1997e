"""What may be unusual about who reports, as one table: reasons, their weight, their words.

A sum of weights asks for a closer look and decides nothing (domain §10). The words hold
no numbers: equal numbers in two cases could tell that one person sent both.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from schemas.words import Words

POLICY = "risk-2026-11"
# From this sum on a case is flagged.
CLOSER_LOOK = 3


@dataclass(frozen=True)
class Reason:
    """One reason: how much it weighs, and what it says."""

    weight: int
    words: Words


REASONS: dict[str, Reason] = {
    "often-unfounded": Reason(
        3,
        Words(
            "近期的举报里，多数经核查不属实或不成立。",
            "Most of the recent reports were found unfounded or invalid.",
        ),
    ),
    "pictures-of-others": Reason(
        3,
        Words(
            "近期几次用了别人先发过的照片。",
            "Several recent reports carry a picture that somebody else had sent before.",
        ),
    ),
    "far-apart": Reason(
        2,
        Words(
            "短时间内几次出现在相距很远的地方，骑车到不了。",
            "Several times within a short while at places too far apart to ride between.",
        ),
    ),
    "often-withdrawn": Reason(
        2,
        Words("近期的举报多数自己撤回了。", "Most of the recent reports were taken back."),
    ),
    "many-at-once": Reason(
        1, Words("一小时内发了很多条。", "Many reports were sent within one hour.")
    ),
}


def score_of(reasons: Iterable[str]) -> int:
    """Return the sum of the reasons' weights; codes of another version weigh nothing."""
    return sum(REASONS[code].weight for code in reasons if code in REASONS)


def say_reasons(reasons: Iterable[str]) -> list[Words]:
    """Return the reasons' sentences; a code of another version is shown as it is."""
    return [REASONS[code].words if code in REASONS else Words(code, code) for code in reasons]
