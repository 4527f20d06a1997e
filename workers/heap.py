"""What is asked of the C library's memory before and after a fork; elsewhere than glibc nothing."""

import ctypes
import gc
import mmap
import re
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MADV_COLLAPSE = 25
# Of /proc/self/maps: memory of our own that no file stands behind.
_OWN_MEMORY = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw-p 00000000 00:00 0\s+(?:\[heap\])?$")
HUGE_PAGE_BYTES = 2 << 20
# What a 12-megapixel photo takes: its small decode, the resize and the copies.
HEAP_BYTES = 40 << 20
# What a process that only forks takes in one piece lies apart from its heap.
APART_BYTES = 1 << 16
# Larger pieces than a search ever takes, and what a worker keeps of its freed memory.
LARGE_BYTES, KEPT_BYTES = 32 << 20, 64 << 20
# What glibc keeps before each piece that it gives out.
_CHUNK_BYTES = 2 * ctypes.sizeof(ctypes.c_size_t)


def _glibc() -> ctypes.CDLL | None:
    """Return glibc with what is called of it; None where another C library runs."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "malloc_trim"):
        return None
    library.mallopt.argtypes = [ctypes.c_int, ctypes.c_int]
    library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    library.free.argtypes, library.free.restype = [ctypes.c_void_p], None
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.malloc_trim.argtypes = [ctypes.c_size_t]
    return library


# Looked up here, so that no child has to.
libc = _glibc()


def settle_memory() -> None:
    """Make forks cheap: what exists is never collected, and what was freed is given back.

    A fork maps every page of its parent; reading the polygons leaves 150 MB of free
    ones behind.
    """
    gc.collect()
    gc.freeze()
    if libc is not None:
        libc.malloc_trim(0)


def settle_worker() -> None:
    """Put a worker's memory in order, once, before it forks for the first time."""
    settle_memory()
    _lay_on_huge_pages()
    _keep_freed_memory()


def _lay_on_huge_pages() -> None:
    """Move what this process keeps onto huge pages, so that a fork has few pages to map.

    Of the county polygons' 180 MB each page is copied into the map of every child: 32 ms a
    fork, and 12 on huge pages. Linux 6.1 and later (madvise(2), MADV_COLLAPSE); elsewhere, and
    for what can't be moved, nothing changes.
    """
    if libc is None or not sys.platform.startswith("linux"):
        return
    for line in Path("/proc/self/maps").read_text("utf-8").splitlines():
        found = _OWN_MEMORY.match(line)
        if found:
            first = -(-int(found[1], 16) // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
            for page in range(first, int(found[2], 16) - HUGE_PAGE_BYTES + 1, HUGE_PAGE_BYTES):
                libc.madvise(page, HUGE_PAGE_BYTES, MADV_COLLAPSE)


def _keep_freed_memory() -> None:
    """Keep what is freed for the next time, up to KEPT_BYTES: for a process that works on.

    Given back and taken anew for each photo, it costs a thousand faults a photo to match one
    among a million. glibc only.
    """
    if libc is not None:
        libc.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def keep_heap_whole() -> None:
    """Let what this process frees leave no holes: to be asked before it takes anything large.

    A child's pictures would be laid into such holes, and each of their pages be a fault,
    instead of onto the huge pages of `prepare_heap`. glibc only.
    """
    if libc is not None:
        libc.mallopt(M_MMAP_THRESHOLD, APART_BYTES)


def prepare_heap() -> None:
    """Spare the child most of its page faults, a sixth of the time of a 12-megapixel photo.

    Freed memory is kept for the next picture instead of given back, and the first HEAP_BYTES
    come in huge pages where the kernel lends them on request (madvise(2), “madvise” being
    the usual setting). glibc only (mallopt(3)); anywhere else nothing changes.
    """
    if libc is None:
        return
    libc.mallopt(M_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(M_TRIM_THRESHOLD, 1 << 30)
    block = libc.malloc(HEAP_BYTES)
    if block:
        first = -(-block // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
        length = (block + HEAP_BYTES - first) // HUGE_PAGE_BYTES * HUGE_PAGE_BYTES
        libc.madvise(first, length, mmap.MADV_HUGEPAGE)
        libc.free(block)
        # What lies before the first huge page stays taken and untouched: the first picture
        # would be laid there and fault on each page of it, up to five hundred times.
        before = libc.malloc(first - block - _CHUNK_BYTES) if first - block > _CHUNK_BYTES else None
        if before and before != block:
            libc.free(before)
