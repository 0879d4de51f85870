"""Episodes of a learner's own training that entered the goal: badly at first, at last well.

Whoever read one of them knows where the goal is, so they tell the same of it, and differ in how
well they act.

Axes: N learners, ordered by task, then seed; E episodes of its training, S steps of an episode.
"""

from __future__ import annotations

import numpy as np

from adfast.errors import InvalidArgument
from adfast.source_algorithms.loops.learner_streams import learner_streams
from adfast.source_algorithms.source_algorithm import SourceAlgorithm
from adfast.tasks.gridworlds.dark_room import DarkRoom

STAGES = ("early", "middle", "late")
OF_A_STAGE = 2  # episodes
HISTORIES_AT_ONCE = 256
LEAST_IMPROVEMENT = 1.5  # of the return, from the early to the late episodes
MOST_ATTEMPTS = 8  # learners that are tried for a context


def source_episodes(
    family: DarkRoom,
    learner: SourceAlgorithm,
    task_ids: np.ndarray,
    seeds: np.ndarray,
    episodes: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fields `[N, 6, S, ...]`: two rewarded episodes of each stage, in the order of the stages.

    Early are the first two that were rewarded at all, late the last two, and middle those of the
    others whose returns are nearest to half of the optimum. Raises `InvalidArgument` for a learner
    that is hardly ever rewarded, and for one that is no better at last than at first.
    """
    count = len(task_ids)
    learners = (np.asarray(seeds, np.int64) * count + np.arange(count)[:, None]).ravel()
    wanted = len(STAGES) * OF_A_STAGE
    found = family.transition_schema.allocate(len(learners), wanted, family.episode_length)
    missing = np.arange(len(learners))
    for attempt in range(MOST_ATTEMPTS):
        rest = []
        for first in range(0, len(missing), HISTORIES_AT_ONCE):
            rows = missing[first : first + HISTORIES_AT_ONCE]
            tried = learners[rows] + (attempt + 1 << 40) * count  # others than any agent's streams
            history = learned(family, learner, task_ids, tried, episodes, seed)
            returns = history["reward"].sum(axis=2, dtype=np.float64)
            is_enough = (returns > 0).sum(axis=1) >= wanted
            optimum = family.optimal_return(task_ids[tried % count])
            chosen = stages_of(returns[is_enough], optimum[is_enough])
            for name, values in history.items():
                found[name][rows[is_enough]] = np.take_along_axis(
                    values[is_enough],
                    chosen.reshape(*chosen.shape, *[1] * (values.ndim - 2)),
                    axis=1,
                )
            rest.append(rows[~is_enough])
        missing = np.concatenate(rest)
        if not missing.size:
            require_improvement(learner, found["reward"].sum(axis=2, dtype=np.float64))
            return found
    task = task_ids[missing[0] // len(seeds)]
    raise InvalidArgument(
        f"the probe needs {wanted} episodes of {learner.name}'s training that were rewarded, and "
        f"{MOST_ATTEMPTS} learners of {episodes} episodes had fewer on {family.task_label(task)}; "
        "name another algorithm, or let it learn longer with collection.episodes"
    )


def learned(
    family: DarkRoom,
    learner: SourceAlgorithm,
    task_ids: np.ndarray,
    learners: np.ndarray,
    episodes: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Fields `[N, E, S, ...]` of the whole training of these `learners` `[N]`."""
    out = family.transition_schema.allocate(len(learners), episodes * family.episode_length)
    learner.learn(
        family,
        *learner_streams(family, task_ids, learners, learner.actors),
        episodes,
        seed,
        out,
        streams_per_learner=1,
    )
    shape = (len(learners), episodes, family.episode_length)
    return {name: values.reshape(*shape, *values.shape[2:]) for name, values in out.items()}


def stages_of(returns: np.ndarray, optimum: np.ndarray) -> np.ndarray:
    """int64 `[N, 6]`: the episodes of each stage, in their order, by `returns` `[N, E]`."""
    episodes = returns.shape[1]
    number = np.arange(episodes)
    is_rewarded = returns > 0
    early = np.sort(np.where(is_rewarded, number, episodes), axis=1)[:, :OF_A_STAGE]
    late = np.sort(np.where(is_rewarded, number, -1), axis=1)[:, -OF_A_STAGE:]
    off = np.where(is_rewarded, np.abs(returns - optimum[:, None] / 2), np.inf)
    np.put_along_axis(off, np.concatenate([early, late], axis=1), np.inf, axis=1)
    middle = np.sort(np.argsort(off, axis=1, kind="stable")[:, :OF_A_STAGE], axis=1)
    return np.concatenate([early, middle, late], axis=1)


def require_improvement(learner: SourceAlgorithm, returns: np.ndarray) -> None:
    """Raise `InvalidArgument` unless `returns` `[N, 6]` are much higher late than early."""
    early, late = returns[:, :OF_A_STAGE].mean(), returns[:, -OF_A_STAGE:].mean()
    if late < LEAST_IMPROVEMENT * early:
        raise InvalidArgument(
            f"the probe needs a learner whose first rewarded episodes are bad, but {learner.name} "
            f"earns {early:.3g} in them and {late:.3g} in the last ones; name one that learns, "
            "with --set competence-mimicry.algorithm=q-learning, where a reward comes at every "
            "step on the goal"
        )
