"""FamilyNarrowness: what a family leaves to learn once the first reward was seen.

Axes: N tasks, S seeds, E episodes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from adfast import source_algorithms
from adfast.baselines.agents.heuristic import Heuristic
from adfast.errors import InvalidArgument
from adfast.evaluation.in_context import evaluate
from adfast.facts.first_reward import bits_left
from adfast.facts.of_family import LEARNERS, evenly_spaced
from adfast.tasks.family import TaskFamily

HISTORIES = 64  # by which the bits are counted that a first reward leaves
BEST = ("ideal-learner", *LEARNERS)  # who may be the best known learner, the best first
SEARCHING, AFTER, ALL = range(3)
PHASES = ("searching, first rewarded one included", "after the first rewarded one", "all")


@dataclass(frozen=True)
class FamilyNarrowness:
    """Bits of a family, and mean returns float64 `[N, 3]` in the `PHASES` of N tasks.

    They are those of the critique's heuristic and of the best known learner; NaN where a task has
    no such episode. `left` is None where it cannot be counted.
    """

    bits: float
    left: float | None
    learner: str
    heuristic: np.ndarray
    best: np.ndarray

    @property
    def after(self) -> np.ndarray:
        """float64 `[at most N]`: the heuristic's share after the first reward, by task."""
        known = np.isfinite(self.heuristic[:, AFTER]) & (self.best[:, AFTER] > 0)
        return np.asarray(self.heuristic[known, AFTER] / self.best[known, AFTER])

    def share(self, phase: int) -> float | None:
        """The heuristic's return of that of the best known learner, over all tasks."""
        known = np.isfinite(self.heuristic[:, phase]) & np.isfinite(self.best[:, phase])
        if not known.any() or self.best[known, phase].sum() <= 0:
            return None
        return float(self.heuristic[known, phase].sum() / self.best[known, phase].sum())


def narrowness(
    family: TaskFamily, *, tasks: int = 64, seeds: int = 8, episodes: int = 40, seed: int = 0
) -> FamilyNarrowness:
    """Of `tasks` evenly spaced tasks; raises `InvalidArgument` where somebody is not defined."""
    task_ids = evenly_spaced(family.num_tasks, tasks)
    heuristic = evaluate(
        Heuristic(), family, task_ids, episodes=episodes, seeds=seeds, seed=seed, progress=False
    ).returns
    learner, best = best_returns(family, task_ids, episodes, seeds, seed)
    if not ((heuristic > 0).any() and (best > 0).any()):
        raise InvalidArgument(
            f"the probe needs tasks in which episodes are rewarded, and none of {family.name} was; "
            "put it to a family of rewards above 0, or to more episodes"
        )
    left = bits_left(family, HISTORIES, seed)
    return FamilyNarrowness(
        bits=math.log2(family.num_tasks),
        left=None if left is None else float(left.mean()),
        learner=learner,
        heuristic=by_phase(heuristic),
        best=by_phase(best),
    )


def best_returns(
    family: TaskFamily, task_ids: np.ndarray, episodes: int, seeds: int, seed: int
) -> tuple[str, np.ndarray]:
    """The best known learner that begins ignorant, and its returns float64 `[N, S, E]`."""
    repeated = np.repeat(task_ids, seeds)
    streams = np.arange(len(repeated))
    for name in BEST:
        try:
            learner = source_algorithms.make(name)
            returns = learner.returns(family, repeated, streams, episodes, seed)
        except InvalidArgument:  # it does not fit the family
            continue
        return name, returns.reshape(len(task_ids), seeds, episodes)
    raise InvalidArgument(
        f"the probe needs somebody who learns {family.name} well, and nobody is known; put it to "
        "a family of fewer tasks whose moves can be counted"
    )


def by_phase(returns: np.ndarray) -> np.ndarray:
    """float64 `[N, 3]`: mean returns of `[N, S, E]` in the episodes of each phase, NaN of none."""
    paid = returns > 0
    before = np.asarray(np.cumsum(paid, axis=2) - paid > 0)  # a rewarded episode lies before
    found = np.full((len(returns), len(PHASES)), np.nan)
    for phase, episodes in ((SEARCHING, ~before), (AFTER, before), (ALL, np.ones_like(paid))):
        counts = episodes.sum(axis=(1, 2))
        sums = np.where(episodes, returns, 0.0).sum(axis=(1, 2))
        found[:, phase] = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return found
