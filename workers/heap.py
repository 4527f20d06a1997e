"""What is asked of the C library's memory before and after a fork; elsewhere than glibc nothing."""

import ctypes
import gc
import mmap

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HUGE_PAGE_BYTES = 2 << 20
# What a 12-megapixel photo takes: its small decode, the resize and the copies.
HEAP_BYTES = 40 << 20
# What a process that only forks takes in one piece lies apart from its heap.
APART_BYTES = 1 << 16
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
