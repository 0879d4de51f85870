"""EnvPool's Frozen Lake, compiled in C++, on one thread.

By itself it resets an ended environment in the step that follows, which plays no transition; timed,
such steps count as work, as EnvPool counts them. Checked, environments are reset between steps.
"""

from __future__ import annotations

import envpool
import numpy as np

from benchmarks.frozen_lake import CHECKED_ENVIRONMENTS, StepAll, require_same_episodes
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import Rival


def step_rival(actions: np.ndarray) -> Rival:
    """Steps with `actions` `[T, E]`."""
    narrow = actions.astype(np.int32)
    environments = make(actions.shape[1])

    def call() -> None:
        for chosen in narrow:
            environments.step(chosen)

    return Rival(
        Contender("EnvPool", call, actions.size),
        lambda: require_same_episodes("EnvPool", playing_every_step()),
    )


def make(num_environments: int) -> envpool.EnvPool:
    """Reset and ready to step."""
    environments = envpool.make_gymnasium(
        "FrozenLake-v1", num_envs=num_environments, num_threads=1, seed=0
    )
    environments.reset()
    return environments


def playing_every_step() -> StepAll:
    """Steps in which every environment plays: those that are due for a reset get it before."""
    environments = make(CHECKED_ENVIRONMENTS)
    due = [np.zeros(CHECKED_ENVIRONMENTS, bool)]

    def step_all(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        waiting = np.flatnonzero(due[0]).astype(np.int32)
        if waiting.size:
            environments.reset(waiting)
        cell, reward, terminated, truncated, _ = environments.step(actions.astype(np.int32))
        due[0] = terminated | truncated
        return cell, reward, due[0]

    return step_all
