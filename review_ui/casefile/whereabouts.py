"""A case's claims of time and place as one map draws them and as the page tells them.

Each place has a letter, which stands on the map and in the table alike; what the same
device or photo says of when stands beside it. Lines tell how far apart the claims are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from review_ui.casefile.reading import CaseFile, PlaceClaim, TimeClaim
from schemas.places import Point, allowed_apart_m, distance_m

# Which statement of time comes from the same hand as a statement of place.
_CLOCKS = {"device_gps": "device_clock", "map_pin": "device_clock", "exif_gps": "exif_time"}
# From here on a page of letters and lines says less than the table does.
MOST_LINES = 12


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that can be drawn, its letter, and what goes with it of when."""

    letter: str
    place: PlaceClaim
    point: Point
    times: tuple[TimeClaim, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """The way between two marks, in metres.

    `is_too_far` says that one reporter's claims lie farther apart than their accuracies
    and the tolerance of domain.md §10 allow.
    """

    first: Mark
    second: Mark
    distance_m: float
    allowed_m: float
    is_too_far: bool


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What one small map of a case holds of its claims; `times` have no place of their own."""

    marks: tuple[Mark, ...]
    lines: tuple[Line, ...]
    times: tuple[TimeClaim, ...]

    def letter_of(self, place: PlaceClaim) -> str:
        """Return the letter of a place, empty for one that can't be drawn."""
        return next((mark.letter for mark in self.marks if mark.place is place), "")

    def letters_of(self, time: TimeClaim) -> list[str]:
        """Return the letters of the places that a statement of time goes with."""
        return [mark.letter for mark in self.marks if any(each is time for each in mark.times)]


def whereabouts(file: CaseFile) -> Whereabouts:
    """Return a case's claims with their letters and the lines between them.

    Lines join the claims of each reporter with one another, and each further reporter's
    first claim with that of the first reporter; the longest `MOST_LINES` are kept.
    """
    drawn = [place for place in file.places if place.point]
    marks = tuple(
        Mark(_letter(number), place, place.point, _times_of(place, file.times))
        for number, place in enumerate(drawn)
        if place.point
    )
    lines = sorted(_lines(marks), key=lambda line: (not line.is_too_far, -line.distance_m))
    told = {id(time) for mark in marks for time in mark.times}
    loose = tuple(time for time in file.times if id(time) not in told)
    return Whereabouts(marks, tuple(lines[:MOST_LINES]), loose)


def _letter(number: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    higher, rest = divmod(number, 26)
    return (_letter(higher - 1) if higher else "") + chr(ord("A") + rest)


def _times_of(place: PlaceClaim, times: Sequence[TimeClaim]) -> tuple[TimeClaim, ...]:
    return tuple(
        time
        for time in times
        if time.pseudonym == place.pseudonym
        and time.source == _CLOCKS.get(place.source)
        # A photo's own clock goes with that photo's own place only.
        and (place.source != "exif_gps" or time.photo_id == place.photo_id)
    )


def _lines(marks: Sequence[Mark]) -> Iterator[Line]:
    by_reporter: dict[str, list[Mark]] = {}
    for mark in marks:
        by_reporter.setdefault(mark.place.pseudonym, []).append(mark)
    first, *others = by_reporter.values() or [[]]
    for group in by_reporter.values():
        for one, other in combinations(group, 2):
            yield _line(one, other)
    for group in others:
        yield _line(first[0], group[0])


def _line(one: Mark, other: Mark) -> Line:
    apart_m = distance_m(one.point, other.point)
    allowed_m = allowed_apart_m(one.place.accuracy_m, other.place.accuracy_m)
    # Different riders may stand at different doors, and who sends a photo later elsewhere.
    is_judged = one.place.pseudonym == other.place.pseudonym and not (
        one.place.of_supplement or other.place.of_supplement
    )
    return Line(one, other, apart_m, allowed_m, is_judged and apart_m > allowed_m)
