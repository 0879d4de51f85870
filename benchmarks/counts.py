"""What speed rests on and a clock need not see: allocations, compilations, operations of torch."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.workload import Count

Call = Callable[[], object]


def allocated_bytes(call: Call) -> int:
    """The most memory that a call holds at once, beyond what was there."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def compilations(call: Call) -> int:
    """How many functions a call has Numba compile."""
    if "numba" not in sys.modules:
        call()
        return 0
    from numba.core import event

    with event.install_recorder("numba:compile") as recorder:
        call()
    return len(recorder.buffer)


def operations(call: Call) -> int:
    """How much a call has torch compute: on a device each of these is at least one launch."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class CountOperations(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(
            self, function: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            self.count += not function.is_view
            return function(*args, **(kwargs or {}))

    with CountOperations() as counter:
        call()
    return counter.count


COUNTERS: dict[Count, Callable[[Call], int]] = {
    "allocated_bytes": allocated_bytes,
    "compilations": compilations,
    "operations": operations,
}
