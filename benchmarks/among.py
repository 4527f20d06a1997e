"""The photos of a folder as the search by regions has them, without a database."""

from collections.abc import Sequence

import numpy as np

from workers.policy import POLICY
from workers.regions.finding import KEY_BITS, Regions, mirrored
from workers.regions.listing import lists_of, lookups
from workers.regions.searching import better_ways, likely

LISTED = 32


class Among:
    """All photos' regions in lists; asked, it answers as `workers.regions.searching` does."""

    def __init__(self, photos: Sequence[tuple[Regions, int]]) -> None:
        self._photos = [regions for regions, _ in photos]
        stored = [regions["hash"][:count] for regions, count in photos]
        owners = np.repeat(np.arange(len(stored)), [len(each) for each in stored])
        hashes = np.ascontiguousarray(np.concatenate(stored))
        lists = max(1, len(hashes) // LISTED)
        self._shift = max(0, KEY_BITS - lists.bit_length() + 1)
        (self._lists,) = lists_of(hashes, owners.astype(np.uint32), shift=self._shift)

    def ask(self, regions: Regions, *, but: int = -1) -> dict[int, bool]:
        """Return the photos to compare closely, the likeliest first, and which with a mirror."""
        if not len(regions):
            return {}
        both = np.concatenate([regions, mirrored(regions)])
        wanted = lookups(both, shift=self._shift)
        near = wanted.pick(self._lists, wanted.keys, most_bits=POLICY.region_bits)
        asked = [at for at in likely(near, len(both), POLICY) if at != but]
        judged = better_ways(regions, [self._photos[at] for at in asked], POLICY)
        ways = dict(zip(asked, judged, strict=True))
        found = sorted((at for at in ways if ways[at][0]), key=lambda at: (-ways[at][0], at))
        return {at: ways[at][1] for at in found[: POLICY.regions_compared]}
