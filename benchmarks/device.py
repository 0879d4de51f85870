"""The device that a workload computes on: whether it is here, its clock, and its memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from benchmarks.pair_timer import Clock


@cache
def why_absent(device: str) -> str | None:
    """Why nothing can compute on `device`, "cpu" or "cuda", here; None where it can."""
    if device == "cpu":
        return None
    import torch  # late: the table of workloads is listed by those who lack it

    return None if torch.cuda.is_available() else "needs a CUDA device"


def name_of(device: str) -> str | None:
    """What the card is called; None for the processor, which provenance names."""
    if device == "cpu":
        return None
    import torch

    return torch.cuda.get_device_name(device)


def clock_of(device: str) -> Clock | None:
    """Seconds, read when the device has done all that it was told; None on the processor.

    A sample is many calls between two readings, so calls overlap as they do in use.
    """
    return None if device == "cpu" else finished_time


def finished_time() -> float:
    """The wall's time when the card is idle."""
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def memory_given_back(device: str) -> Iterator[None]:
    """Returns to the card in the end what torch kept of it: the next workload may need all."""
    try:
        yield
    finally:
        if device != "cpu":
            import torch

            torch.cuda.empty_cache()
