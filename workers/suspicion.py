"""What looks odd about a report, as flags of schemas.flags; shown and never decided (§10)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.editors import EDITORS
from schemas.flags import SCREEN_GRID
from workers.claims import DEVICE, GOOD_ACCURACY_M, TimeClaim
from workers.route import Place

# A rider sends when there is signal again; a day is long enough for that.
LATE = timedelta(hours=24)
# Phones keep network time; ten minutes is beyond any drift.
AHEAD = timedelta(minutes=10)

_DAMAGED_EXIF = frozenset({"exif-unreadable", "exif-readers-disagree"})
_WITHHELD = frozenset({"derivative-not-clean"})


@dataclass(frozen=True)
class PhotoFinding:
    """What the examination of one photo said, as far as suspicion goes."""

    unreadable_reason: str | None
    notes: frozenset[str]
    software: str | None
    has_place_or_time: bool
    screen_grid: float = 0.0
    has_bezel: bool = False
    device: str | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the picture could be decoded and was the one that was received."""
        return self.unreadable_reason is None


def flags_of_photos(findings: Sequence[PhotoFinding]) -> set[str]:
    """Return the flags that the photos raise."""
    notes = frozenset[str]().union(*(each.notes for each in findings))
    readable = [each for each in findings if each.is_readable]
    raised = {
        "photo-unreadable": len(readable) < len(findings),
        "digest-mismatch": any(each.unreadable_reason == "digest-mismatch" for each in findings),
        "exif-odd": not notes.isdisjoint(_DAMAGED_EXIF),
        "photo-withheld": not notes.isdisjoint(_WITHHELD),
        "edited-software": any(EDITORS.search(each.software or "") for each in findings),
        "screen-photo": any(each.screen_grid >= SCREEN_GRID for each in findings),
        "screen-frame": any(each.has_bezel for each in findings),
        "no-exif": bool(readable) and not any(each.has_place_or_time for each in readable),
    }
    return {code for code, holds in raised.items() if holds}


def flags_of_devices(findings: Sequence[PhotoFinding], *, others: Collection[str]) -> set[str]:
    """Return the flags that the cameras raise; `others` took the reporter's other photos."""
    named = {each.device for each in findings if each.device}
    differs = len(named) > 1 or (bool(others) and not named <= set(others))
    return {"device-differs"} if differs else set()


def flags_of_place(place: Place) -> set[str]:
    """Return the flags that the claims of place raise."""
    raised = {
        "no-place": place.chosen is None,
        "claims-disagree-place": bool(place.disagreements),
        "place-outside-china": place.is_outside_mainland,
        "coarse-accuracy": any(
            claim.source == DEVICE and (claim.accuracy_m or 0.0) > GOOD_ACCURACY_M
            for claim in place.claims
        ),
    }
    return {code for code, holds in raised.items() if holds}


def flags_of_time(times: Iterable[TimeClaim], *, received_at: datetime) -> set[str]:
    """Return the flags that the claims of time raise against the receipt."""
    # What the phone's clock said while it sent tells of the clock, not of the photos.
    moments = [claim.moment for claim in times if claim.source != "sending_clock"]
    sending = [claim.moment for claim in times if claim.source == "sending_clock"]
    raised = {
        "clock-wrong": any(abs(moment - received_at) > AHEAD for moment in sending),
        "clock-late": any(moment < received_at - LATE for moment in moments),
        "clock-ahead": any(moment > received_at + AHEAD for moment in moments),
    }
    return {code for code, holds in raised.items() if holds}
