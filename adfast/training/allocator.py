"""Keeps freed memory in the process, because a training step asks for the same blocks every time.

By default glibc returns blocks of some hundred kilobytes to the system as they are freed and faults
them in again a moment later; with several threads these faults also wait for one another.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD = -1  # names and values of glibc's malloc.h
M_MMAP_THRESHOLD = -3
LARGEST_MMAP_THRESHOLD = 1 << 25  # what glibc accepts on 64-bit machines
KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Let malloc keep up to a gibibyte of freed blocks for reuse, for the rest of the process.

    Returns whether the C library could be told so: others than glibc have no such setting, and
    train as before.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    accepted = mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
    return bool(accepted and mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
