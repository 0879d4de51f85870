"""Which learner learns which task in which random streams, wherever histories are counted out."""

from __future__ import annotations

import numpy as np

from adfast.tasks.family import TaskFamily


def learner_streams(
    family: TaskFamily, task_ids: np.ndarray, learners: np.ndarray, actors: int
) -> tuple[np.ndarray, np.ndarray]:
    """int64 `[N * actors]` pairs: task ids and random streams of the N `learners`, as `learn` asks.

    Learners are numbered through `task_ids` in turn, repetition by repetition. No two of their
    streams are the same, and further repetitions leave them as they are.
    """
    repetition, place = np.divmod(learners, len(task_ids))
    of_learner = task_ids[place][:, None]
    actor = repetition[:, None] * actors + np.arange(actors)
    streams = actor * family.num_tasks + of_learner
    return np.repeat(of_learner, actors), streams.reshape(-1)
