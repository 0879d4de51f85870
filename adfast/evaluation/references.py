"""What returns are compared with: random, the source algorithm, optimum, ideal learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adfast.simulators.random_rollout import random_returns
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily

RANDOM_EPISODES = 200  # per task
SOURCE_HISTORIES = 20  # per task


@dataclass(frozen=True)
class References:
    """Mean returns over the evaluated tasks.

    `random` and `optimal` are the same in every episode; `source` `[episodes]` is the source
    algorithm learning these tasks from scratch, `source_kept` the same at the episodes that the
    training data keeps; `ideal_learner` `[episodes]` is None where no plan is known.
    """

    random: float
    optimal: float
    source: np.ndarray
    source_kept: np.ndarray
    ideal_learner: np.ndarray | None


def compute_references(
    family: TaskFamily,
    task_ids: np.ndarray | Sequence[int],
    source: SourceAlgorithm,
    *,
    episodes: int,
    keep_every: int,
    seed: int,
) -> References:
    """All references on `task_ids`, `episodes` long (the source is run `keep_every` times longer).

    The source's exploration schedule is its own, not stretched to the number of episodes.
    """
    task_ids = family.check_task_ids(task_ids)
    histories = np.repeat(task_ids, SOURCE_HISTORIES)
    streams = np.arange(len(histories))
    returns = source.returns(family, histories, streams, episodes * keep_every, seed).mean(axis=0)
    ideal = family.ideal_learner()
    return References(
        random=float(random_returns(family, task_ids, RANDOM_EPISODES, seed).mean()),
        optimal=float(family.optimal_return(task_ids).mean()),
        source=returns[:episodes],
        source_kept=returns[::keep_every],
        ideal_learner=None if ideal is None else ideal.returns(task_ids, episodes).mean(axis=0),
    )
