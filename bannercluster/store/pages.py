"""Bringing a stretch of a local file into the page cache fast, in large pages.

A chunk of a store is a file of its own, some 30 MB. The kernel's read-ahead begins every file with
pages of 4 KiB and doubles them slowly, so that much of such a file ends up in small pages: reading
it from the disk, and again from the cache, then takes twice as long as a file of gigabytes does.
Mapped with the advice to use large pages and populated at once, it comes in pages of 2 MiB.
Nothing of the mapping is touched: a file that is cut short or cannot be read is no fault of memory,
but left to the reading that follows.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import sys
from collections.abc import Callable

import numpy as np

LEAST_NBYTES = 4 << 20
"""A stretch below two large pages gains nothing."""

_HUGEPAGE = 14
_POPULATE_READ = 22


def populate(descriptor: int, start: int, nbytes: int) -> bool:
    """Bring a stretch of a file into the page cache; advice, which a kernel may not take.

    Parameters
    ----------
    descriptor : int
        Of a regular file, open for reading.
    start, nbytes : int
        The stretch, inside the file.

    Returns
    -------
    bool
        Whether the kernel did it. If not, nothing has changed.
    """
    madvise = _madvise()
    if madvise is None or nbytes < LEAST_NBYTES:
        return False
    first = start - start % mmap.ALLOCATIONGRANULARITY
    length = start + nbytes - first
    try:
        mapped = mmap.mmap(descriptor, length, prot=mmap.PROT_READ, offset=first)
    except (OSError, ValueError):  # a file system without mappings; a file that is cut short
        return False
    with mapped:
        # The address only; the view has to go before the mapping can.
        address = np.frombuffer(mapped, np.uint8).ctypes.data
        return madvise(address, length, _HUGEPAGE) == 0 and (
            madvise(address, length, _POPULATE_READ) == 0
        )


@functools.cache
def _madvise() -> Callable[[int, int, int], int] | None:
    """Return the call of the C library: Python's own holds the interpreter's lock meanwhile."""
    if sys.platform != "linux":
        return None
    call = ctypes.CDLL(None).madvise
    call.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    call.restype = ctypes.c_int
    found: Callable[[int, int, int], int] = call
    return found
