"""A family's simulator beside its twin, over several episodes of random actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily

SEED = 5


def assert_follows_twin(
    family: TaskFamily, twin_of: Callable[..., Any], task_ids: np.ndarray, episodes: int
) -> list[tuple[int, ...]]:
    """Assert that every step is that of `twin_of(task_id, seed=.., random_stream=..)`.

    Returns the observations that actions were chosen on.
    """
    shape = (episodes * family.episode_length, len(task_ids))
    actions = np.random.default_rng(0).integers(family.num_actions, size=shape)
    simulator = BatchSimulator(family, task_ids, seed=SEED)
    start = simulator.reset()
    results = [simulator.step(row) for row in actions]
    observations = []
    for e, task_id in enumerate(task_ids):
        twin = twin_of(int(task_id), seed=SEED, random_stream=e)
        assert tuple(start[e]) == twin.reset()
        for result, action in zip(results, actions[:, e], strict=True):
            after, reward, terminated, truncated = twin.step(action)
            assert tuple(result.final_observation[e]) == after
            flags = (result.reward[e], result.terminated[e], result.truncated[e])
            assert flags == (reward, terminated, truncated)
            seen = twin.reset() if terminated or truncated else after
            assert tuple(result.observation[e]) == seen
            observations.append(seen)
    return observations
