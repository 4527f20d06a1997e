"""The thresholds of matching and linking, under a name that is stored beside every match."""

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import timedelta

from schemas.settings import Settings
from workers.fingerprints import MAX_DISTANCE


@dataclass(frozen=True, kw_only=True)
class MatchPolicy:
    """The thresholds, under a name that is stored beside every match.

    `picture_bits` of 256 may differ in two hashes of one picture, at most the 31 that
    searches reach. Distances are in metres; `place_m` is how far apart two tips of one
    picture may be: a picture is sent on in a chat, or sent from the next stop, and still
    shows one kitchen. `kept` is how many reports with like pictures are stored, and
    `suggested` how many cases at the same spot, the nearest first.

    Two pictures that align at `fewest_spots` are compared: at `copy_likeness` (correlation,
    0–1) they are one picture, altered; at `scene_likeness` and `scene_spots` one scene, where
    the spots spread over `scene_reach` of what both show: of two photos that one app has put
    its logo on, only the logo aligns.

    Among all photos, those are compared of which one region is within `region_bits_alone`
    bits of 128 of ours, or several in the same arrangement within `region_bits`; the
    likeliest `regions_compared` photos of each of ours, none where it is 0.

    What one hash takes for the same picture is an altered one where any place with detail
    correlates less than `detail_likeness`.
    """

    version: str = "match-26-11e"
    picture_bits: int = MAX_DISTANCE
    place_m: float = 5_000.0
    premises_m: float = 300.0
    incident_m: float = 60.0
    window: timedelta = timedelta(days=14)
    kept: int = 50
    suggested: int = 10
    fewest_spots: int = 8
    copy_likeness: float = 0.97
    scene_likeness: float = 0.6
    scene_spots: int = 14
    scene_reach: float = 0.05
    region_bits: int = 26
    region_bits_alone: int = 16
    regions_compared: int = 20
    detail_likeness: float = 0.5


POLICY = MatchPolicy()
_NAME = "match-"


def is_machines(version: str) -> bool:
    """Whether a match of this policy was found by the machine and not suggested by staff."""
    return version.startswith(_NAME)


def policy_of(settings: Settings) -> MatchPolicy:
    """Return the policy that the settings ask for.

    One that differs from the product's own has a version of its own: its name and the
    beginning of a digest of all thresholds, the same wherever they are the same.
    """
    asked = replace(
        POLICY,
        picture_bits=settings.match_picture_bits,
        place_m=float(settings.match_place_m),
        premises_m=float(settings.match_premises_m),
        incident_m=float(settings.match_incident_m),
        window=timedelta(days=settings.match_days),
        fewest_spots=settings.match_copy_spots,
        copy_likeness=settings.match_copy_percent / 100,
        scene_spots=settings.match_scene_spots,
        scene_likeness=settings.match_scene_percent / 100,
        scene_reach=settings.match_scene_reach_percent / 100,
        regions_compared=settings.match_parts,
        detail_likeness=settings.match_detail_percent / 100,
    )
    if asked == POLICY:
        return POLICY
    digest = hashlib.sha256(repr(sorted(asdict(asked).items())).encode()).hexdigest()
    return replace(asked, version=f"{POLICY.version}+{digest[:6]}")
