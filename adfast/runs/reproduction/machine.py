"""On what parts are computed: settings that do not count, for all parts alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adfast.provenance import available_cores
from adfast.runs.recipe.recipe import Recipe


@dataclass(frozen=True)
class Machine:
    """Where parts are computed, and by how many threads each; None: as a recipe has it."""

    device: str | None = None
    threads: int | None = None

    def settings(self, recipe: Recipe) -> dict[str, Any]:
        """What is set of a part's recipe; RL2 collects nothing and plays on the processor."""
        settings: dict[str, Any] = {}
        if self.device is not None:
            settings["evaluation.device"] = self.device
            settings |= {} if recipe.is_rl2 else {"training.device": self.device}
        if self.threads is not None and recipe.is_rl2:
            settings["rl2.threads"] = self.threads
        elif self.threads is not None:
            settings |= {"training.threads": self.threads, "collection.threads": self.threads}
        return settings


def threads_of_jobs(jobs: int) -> int:
    """The threads that each of several parts at a time has of this machine's cores."""
    return max(1, available_cores() // jobs)


def machine_of(device: str | None, threads: int | None, jobs: int) -> Machine:
    """The machine of each of `jobs` parts at a time, which share its cores."""
    return Machine(device, threads or (threads_of_jobs(jobs) if jobs > 1 else None))
