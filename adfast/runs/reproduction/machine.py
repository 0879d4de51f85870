"""On what parts are computed: settings that do not count, for all parts alike."""

from __future__ import annotations

from typing import Any

from adfast.provenance import available_cores


def machine_settings(device: str | None, threads: int | None) -> dict[str, Any]:
    """What is set of a part's recipe where a device or a number of threads is asked for."""
    settings: dict[str, Any] = {}
    if device is not None:
        settings |= {"training.device": device, "evaluation.device": device}
    if threads is not None:
        settings |= {"training.threads": threads, "collection.threads": threads}
    return settings


def threads_of_jobs(jobs: int) -> int:
    """The threads that each of several parts at a time has of this machine's cores."""
    return max(1, available_cores() // jobs)
