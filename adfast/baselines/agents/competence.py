"""Competence: how competent the context of each environment looks.

Axes: N environments, M of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from adfast.errors import InvalidArgument
from adfast.tasks.family import TaskFamily
from adfast.tasks.transition_schema import BOUNDARY_INSIDE

MAX_TASKS = 256  # whose optima are averaged


class Competence:
    """The share of `optimum` that the last `episodes` complete episodes earned on average.

    Fewer count as long as there are no more; without one the share is 0.
    """

    def __init__(self, optimum: float, episodes: int, num_environments: int) -> None:
        self._optimum = optimum
        self._running = np.zeros(num_environments)
        self._earned = np.zeros((num_environments, episodes))
        self._count = np.zeros(num_environments, np.int64)

    def begin(self, environments: np.ndarray) -> None:
        """A new history begins in these."""
        self._running[environments] = 0.0
        self._count[environments] = 0
        self._earned[environments] = 0.0

    def learn(self, environments: np.ndarray, transition: Mapping[str, np.ndarray]) -> None:
        """Count a transition of each."""
        self._running[environments] += transition["reward"]
        ended = environments[transition["boundary"] != BOUNDARY_INSIDE]
        self._earned[ended, self._count[ended] % self._earned.shape[1]] = self._running[ended]
        self._count[ended] += 1
        self._running[ended] = 0.0

    def share(self, environments: np.ndarray) -> np.ndarray:
        """float64 `[M]`, from 0 to 1."""
        counted = np.clip(self._count[environments], 1, self._earned.shape[1])
        mean = self._earned[environments].sum(axis=1) / counted
        return np.asarray(np.clip(mean / self._optimum, 0.0, 1.0))


def mean_optimum(name: str, family: TaskFamily) -> float:
    """The mean optimum over tasks spread over all of `family`; raises where it is not above 0."""
    spread = np.linspace(0, family.num_tasks - 1, min(family.num_tasks, MAX_TASKS))
    optimum = float(family.optimal_return(spread.astype(np.int64)).mean())
    if not optimum > 0.0:
        raise InvalidArgument(
            f"{name} compares returns with the optimum, which must be above 0, and that of "
            f"{family.name} is {optimum:g}; use another agent"
        )
    return optimum
