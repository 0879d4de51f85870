"""Where a batch of environments left its family's schema: the call is made again, and checked."""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from adfast.random_draws import step_key
from adfast.simulators.step_loops import EnvironmentArrays
from adfast.tasks.checked_calls import (
    checked_observe,
    checked_reset,
    checked_step,
    refuse_unexplained,
)
from adfast.tasks.family import TaskFamily


def explain_step(
    family: TaskFamily,
    task_ids: np.ndarray,
    environments: EnvironmentArrays,
    actions: np.ndarray,
    e: int,
) -> NoReturn:
    """Raise the `InvalidArgument` for the step of environment `e`, whose state is that before."""
    task_id = int(task_ids[e])
    steps = int(environments.episode_step[e]) - 1  # the loop has counted this one
    steps += (int(environments.episodes[e]) - 1) * family.episode_length
    offset, mask = environments.keys[2:4, e]
    with np.errstate(over="ignore"):  # random draws wrap round
        key = step_key(offset, mask, steps % 2**32)
    state, _, _ = checked_step(family, task_id, environments.state[:, e], int(actions[e]), key)
    checked_observe(family, task_id, state)
    refuse_unexplained(family, task_id)


def explain_reset(
    family: TaskFamily, task_ids: np.ndarray, environments: EnvironmentArrays
) -> NoReturn:
    """Raise the `InvalidArgument` for the first environment whose episode begins badly."""
    for e, task_id in enumerate(task_ids.tolist()):
        offset, mask = environments.keys[0:2, e]
        with np.errstate(over="ignore"):
            episode = (int(environments.episodes[e]) - 1) % 2**32
            key = step_key(offset, mask, episode)
        checked_observe(family, task_id, checked_reset(family, task_id, episode, key))
    refuse_unexplained(family, int(task_ids[0]))
