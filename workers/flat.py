"""Compares stored hashes with asked ones, all of them: faiss' flat index, on one thread."""

from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

# At once and for good on the main thread, which is the only one that compares: a pool of threads
# does not live on in a forked process, which would wait for it for ever.
faiss.omp_set_num_threads(1)


class Pairs(NamedTuple):
    """Which asked hash is near to which stored one (both by their places), and how near, in bits.

    In the order of the asked ones, and of the stored ones for each.
    """

    asked: NDArray[np.int64]
    stored: NDArray[np.int64]
    bits: NDArray[np.int64]


def within(stored: NDArray[np.uint8], asked: NDArray[np.uint8], *, most_bits: int) -> Pairs:
    """Return every pair that differs by `most_bits` or fewer; hashes are rows of bytes."""
    if not len(stored) or not len(asked):
        nothing = np.empty(0, np.int64)
        return Pairs(nothing, nothing, nothing)
    index = faiss.IndexBinaryFlat(8 * stored.shape[1])
    index.add(np.ascontiguousarray(stored))
    # A pair at the radius itself is left out.
    limits, bits, places = index.range_search(np.ascontiguousarray(asked), most_bits + 1)
    of_asked = np.repeat(np.arange(len(asked)), np.diff(limits.astype(np.int64)))
    return Pairs(of_asked, places, bits.astype(np.int64))
