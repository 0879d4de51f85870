"""Resets and steps of Gymnasium's environments as agents take them in, whatever resets them.

Observations are encoded as histories keep them, `[N, *shape]`; rewards are float64.

Axes: N environments.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from adfast.collection.reused_arrays import ReuseWatch
from adfast.simulators import StepResult
from adfast.simulators.space_encoding import SpaceEncoding
from adfast.simulators.vector_environments import (
    autoreset_mode_of,
    encoding_of,
    final_observations,
    require_all_answered,
)
from adfast.values import as_array, as_single, fitted


class Loop:
    """Resets and steps of a single environment, as a batch of one that is reset where it ends."""

    mode = AutoresetMode.SAME_STEP
    num_environments = 1

    def __init__(self, environment: gymnasium.Env) -> None:
        self.environment = environment
        self.encoding = SpaceEncoding(environment.observation_space, environment.action_space)

    def reset(self, seed: Any) -> np.ndarray:
        """The first observation."""
        observation, _ = self.environment.reset(seed=seed)
        return self._encoded(observation)

    def step(self, actions: np.ndarray, is_read: np.ndarray) -> StepResult:
        """One step, and the reset that follows an end."""
        observation, reward, terminated, truncated, _ = self.environment.step(actions[0])
        now = final = self._encoded(observation)
        outcome = read_outcome(
            as_single("reward", reward),
            as_single("terminated", terminated),
            as_single("truncated", truncated),
            is_read,
        )
        if outcome[1][0] or outcome[2][0]:
            now = self.reset(None)
        return StepResult(now, *outcome, final)

    def _encoded(self, observation: Any) -> np.ndarray:
        """One observation as a batch of one."""
        return self.encoding.encode_observations(as_array("observation", observation)[None], 1)


class VectorLoop:
    """Resets and steps of a vector environment; where the caller is to reset, it is reset."""

    def __init__(self, environment: VectorEnv) -> None:
        self.environment = environment
        self.num_environments = environment.num_envs
        self.mode = autoreset_mode_of(environment)
        self.encoding = encoding_of(environment)
        self._watch = ReuseWatch(environment, self.mode)
        self._seen = np.zeros(0)  # before a step

    def reset(self, seed: Any) -> np.ndarray:
        """The first observations."""
        observation, _ = self.environment.reset(seed=seed)
        first = self.encoding.encode_observations(observation, self.num_environments)
        self._watch.begin()
        self._seen = first.copy()
        return first

    def step(self, actions: np.ndarray, is_read: np.ndarray) -> StepResult:
        """One step everywhere; reward and ends are read where `is_read` (bool `[N]`)."""
        self._watch.begin_step()
        observation, reward, terminated, truncated, info = self.environment.step(actions)
        require_all_answered(info, self.num_environments)
        outcome = read_outcome(reward, terminated, truncated, is_read)
        done = outcome[1] | outcome[2]
        now = final = self.encoding.encode_observations(observation, self.num_environments)
        self._watch.require_apart(self._seen, now)
        if done.any() and self.mode is AutoresetMode.SAME_STEP:
            ended = self.encoding.encode_observations(
                final_observations(info, done), int(done.sum())
            )
            self._watch.require_final(info, done, observation, self._seen, now, ended)
            final = now.copy()
            final[done] = ended
        elif done.any() and self.mode is AutoresetMode.DISABLED:
            observation, _ = self.environment.reset(options={"reset_mask": done})
            now = self.encoding.encode_observations(observation, self.num_environments, where=done)
            now[~done] = final[~done]
        self._seen = now.copy()  # the environment may use its arrays again
        return StepResult(now, *outcome, final)


def read_outcome(
    reward: Any, terminated: Any, truncated: Any, is_read: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """float64 and bool `[N]`, zero where they are not read; raises `InvalidArgument` for others."""
    shape, row = is_read.shape, "environment"
    return (
        fitted("reward", reward, np.float64, shape, where=is_read, row=row),
        fitted("terminated", terminated, np.bool_, shape, where=is_read, row=row),
        fitted("truncated", truncated, np.bool_, shape, where=is_read, row=row),
    )
