"""Clocks that a busy machine does not stretch."""

from __future__ import annotations

import resource
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pair_timer import Clock

SCHEDULER_STATISTICS = Path("/proc/thread-self/schedstat")  # ns on a core, ns waiting for one, ...


def own_clock(otherwise: Clock) -> Clock:
    """`own_time` where the scheduler keeps its statistics, `otherwise` where it does not."""
    return own_time if SCHEDULER_STATISTICS.exists() else otherwise


@dataclass(eq=False)
class PerUnit:
    """A clock whose differences are seconds per unit of work, of calls that do `work` units."""

    clock: Clock = time.perf_counter
    work: float = 1.0

    def __call__(self) -> float:
        """The time of `clock`, over `work`."""
        return self.clock() / self.work

    def __str__(self) -> str:
        return f"{self.clock.__name__} per unit"


def quiet_clock(*, starts_processes: bool) -> Clock:
    """The clock that other programs disturb least, for work done here or in processes of its own.

    Its seconds compare with themselves: those of processes are of the processor.
    """
    return processor_time if starts_processes else own_clock(processor_time)


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
