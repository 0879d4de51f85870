"""What returns are compared with: random, the source algorithm, optimum, ideal learner; of recorded
histories random and who was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from adfast.evaluation.agents.random_agent import RandomActions
from adfast.evaluation.environments.environment_tasks import EnvironmentTasks
from adfast.evaluation.in_context import evaluate
from adfast.histories import HistoryStore
from adfast.simulators.random_rollout import random_returns
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.family import TaskFamily

RANDOM_EPISODES = 200  # per task
RANDOM_EPISODES_PLAYED = 20  # per task that is a Gymnasium environment
SOURCE_HISTORIES = 20  # per task; more where that makes no whole learners


@dataclass(frozen=True)
class References:
    """Mean returns over the evaluated tasks; None is unknown.

    `random` and `optimal` are the same in every episode; `source` `[episodes]` is the source
    algorithm learning these tasks from scratch, `source_kept` the same at the episodes that the
    training data keeps; `ideal_learner` `[episodes]` is whoever learns as well as is known to be
    possible, `recorded` `[at most episodes]` who was recorded, in the tasks of the recordings.
    """

    random: float
    optimal: float | None = None
    source: np.ndarray | None = None
    source_kept: np.ndarray | None = None
    ideal_learner: np.ndarray | None = None
    recorded: np.ndarray | None = None


def compute_references(
    family: TaskFamily,
    task_ids: np.ndarray | Sequence[int],
    source: SourceAlgorithm | None,
    *,
    episodes: int,
    keep_every: int,
    seed: int,
) -> References:
    """All references on `task_ids`, `episodes` long (the source is run `keep_every` times longer).

    The source's exploration schedule is its own, not stretched to the number of episodes; without
    one there is no such reference.
    """
    task_ids = family.check_task_ids(task_ids)
    returns = None
    if source is not None:
        learners = -(-SOURCE_HISTORIES // source.actors)
        histories = np.repeat(task_ids, learners * source.actors)
        streams = np.arange(len(histories))
        learned = source.returns(family, histories, streams, episodes * keep_every, seed)
        returns = learned.mean(axis=0)
    ideal = family.ideal_learner()
    return References(
        random=float(random_returns(family, task_ids, RANDOM_EPISODES, seed).mean()),
        optimal=float(family.optimal_return(task_ids).mean()),
        source=None if returns is None else returns[:episodes],
        source_kept=None if returns is None else returns[::keep_every],
        ideal_learner=None if ideal is None else ideal.returns(task_ids, episodes).mean(axis=0),
    )


def environment_references(
    tasks: EnvironmentTasks,
    task_ids: np.ndarray | Sequence[int],
    histories: HistoryStore,
    *,
    episodes: int,
    seed: int,
) -> References:
    """The references on Gymnasium environments, and of who was recorded in `histories`."""
    played = evaluate(
        RandomActions(),
        tasks,
        task_ids,
        episodes=RANDOM_EPISODES_PLAYED,
        seeds=1,
        seed=seed,
        progress=False,
    )
    recorded = recorded_returns(histories, episodes)
    return References(
        random=float(played.returns.mean()), recorded=recorded if recorded.size else None
    )


def recorded_returns(histories: HistoryStore, episodes: int) -> np.ndarray:
    """float64 `[at most episodes]`: mean returns of the episodes that half of the histories have.

    An episode that was broken off is none.
    """
    totals = np.full((histories.num_histories, episodes), np.nan)
    for index in range(histories.num_histories):
        history = histories.history(index, ("reward", "boundary"))
        ends = np.flatnonzero(history["boundary"])[:episodes] + 1
        sums = np.cumsum(history["reward"][: ends[-1] if ends.size else 0], dtype=np.float64)
        totals[index, : len(ends)] = np.diff(sums[ends - 1], prepend=0.0)
    counts = np.isfinite(totals).sum(axis=0)
    known = totals[:, 2 * counts >= max(len(totals), 1)]
    return np.asarray(np.nanmean(known, axis=0))
