"""Clocks that a busy machine does not stretch."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.pair_timer import time_calls

SCHEDULER_STATISTICS = Path("/proc/thread-self/schedstat")  # ns on a core, ns waiting for one, ...


def own_seconds(call: Callable[[], object], count: int) -> float:
    """The wall time of `count` calls less that in which this thread waited for a core.

    What it waits for itself, a disk or a lock or another thread, counts. Without the scheduler's
    statistics it is the processor time, in which waiting does not count.
    """
    if not SCHEDULER_STATISTICS.exists():
        return processor_seconds(call, count)
    # In this order a delay between two readings adds to the time and is never taken off it.
    begin = time.perf_counter()
    waited = -seconds_without_core()
    time_calls(call, count, time.perf_counter)
    waited += seconds_without_core()
    return time.perf_counter() - begin - waited


def processor_seconds(call: Callable[[], object], count: int) -> float:
    """The processor time of `count` calls: of this process, its threads and its ended children."""
    return time_calls(call, count, process_and_children)


def process_and_children() -> float:
    """Processor seconds so far."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def seconds_without_core() -> float:
    """How long this thread has been ready and waited for a core."""
    return int(SCHEDULER_STATISTICS.read_text().split()[1]) * 1e-9
