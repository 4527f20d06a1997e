"""What a rider brushed over in a photo: strokes that hide parts in every copy that is served.

The original is never touched: strokes are kept beside it and painted on its derivatives.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Of one tip, all its photos together: rather more than a patient hand draws.
MAX_STROKES = 200
MAX_POINTS = 5_000
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line drawn with a round brush on the photo as it is seen upright.

    `points` are x, y in fractions (0 to 1) of its width and height from the upper left;
    one alone is a dab. `width` is a fraction of the longer edge.
    """

    width: float
    points: tuple[tuple[float, float], ...]


Mask = tuple[Stroke, ...]


def rounded(mask: Mask) -> Mask:
    """Return a mask to four decimals: finer than a pixel of what is served."""
    return tuple(
        Stroke(
            round(stroke.width, DECIMALS),
            tuple((round(x, DECIMALS), round(y, DECIMALS)) for x, y in stroke.points),
        )
        for stroke in mask
    )


def to_row(mask: Mask) -> list[dict[str, Any]] | None:
    """Return a mask as it is kept with its photo, None for one that hides nothing."""
    return [asdict(stroke) for stroke in mask] or None


def from_row(kept: Sequence[dict[str, Any]] | None) -> Mask:
    """Return the mask that `to_row` made."""
    return tuple(
        Stroke(each["width"], tuple((x, y) for x, y in each["points"])) for each in kept or ()
    )
