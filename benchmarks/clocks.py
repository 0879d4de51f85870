"""Clocks that a busy machine does not stretch."""

from __future__ import annotations

import resource
import time
from pathlib import Path

from benchmarks.pair_timer import Clock

SCHEDULER_STATISTICS = Path("/proc/thread-self/schedstat")  # ns on a core, ns waiting for one, ...


def own_clock(otherwise: Clock) -> Clock:
    """`own_time` where the scheduler keeps its statistics, `otherwise` where it does not."""
    return own_time if SCHEDULER_STATISTICS.exists() else otherwise


def own_time() -> float:
    """Seconds of wall time less those in which this thread was ready and had no core.

    What it waits for itself, a disk or a lock or another thread, counts.
    """
    while True:
        waited, now = seconds_without_core(), time.perf_counter()
        if seconds_without_core() == waited:  # nothing came between the two readings
            return now - waited


def seconds_without_core() -> float:
    """How long this thread has been ready and waited for a core."""
    return int(SCHEDULER_STATISTICS.read_text().split()[1]) * 1e-9


def processor_time() -> float:
    """Processor seconds of this process, its threads and its ended children."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
