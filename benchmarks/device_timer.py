"""Times calls on a device in turn. Needs torch and numpy alone, as a lent machine may have no more.

`pair_timer.py` does it on the processor, with rounds for as long as asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import numpy as np
import torch

ROUNDS = 15
SAMPLE_SECONDS = 0.01  # at least, of each contender in each round


def time_in_turn(calls: Mapping[str, Callable[[], object]], device: str) -> dict[str, np.ndarray]:
    """Seconds per call, `[rounds]`, of each contender, interleaved."""
    rounds = ROUNDS if device == "cuda" else 1
    repeats: dict[str, int] = {}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for name, call in calls.items():
        call()
        repeats[name] = max(1, int(SAMPLE_SECONDS / max(seconds_of(call, 2, device), 1e-6)))
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(seconds_of(call, repeats[name], device))
    return {name: np.array(values) for name, values in seconds.items()}


def seconds_of(call: Callable[[], object], repeats: int, device: str) -> float:
    """Mean seconds of a call, on the device's clock."""
    if device == "cpu":
        begin = time.perf_counter()
        for _ in range(repeats):
            call()
        return (time.perf_counter() - begin) / repeats
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    for _ in range(repeats):
        call()
    last.record()
    torch.cuda.synchronize()
    return float(first.elapsed_time(last)) / 1e3 / repeats
