"""ToldValues: what a loop tells an agent in a step, in the form that is computed with, or refused.

Axes: N environments, C observation components.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Outcome
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import fitted, rows_where


class ToldValues:
    """Checks what is told of `num_environments` environments of `schema`."""

    def __init__(self, schema: TransitionSchema, num_environments: int) -> None:
        self._schema = schema
        self._num_environments = num_environments
        read = schema.observation.read
        self.no_observation = np.zeros((num_environments, *read.shape), read.dtype)

    def observation(
        self, name: str, values: Any, environments: np.ndarray | None = None
    ) -> np.ndarray:
        """Observations of `environments` (indices), or of all, as the schema's `read` has them.

        Raises `InvalidArgument` for another shape or kind, and for values outside the schema.
        """
        count = self._num_environments if environments is None else len(environments)
        read = self._schema.observation.as_read(name, values, count, environments)
        return np.require(read, requirements=["C", "W"])  # as torch wants it

    def outcome(
        self,
        continues: np.ndarray,
        told: np.ndarray,
        reward: Any,
        terminated: Any,
        truncated: Any,
        final_observation: Any,
    ) -> Outcome:
        """What the last actions brought where `continues`; only the rows of `told` are read.

        Both are bool `[N]`. Raises `InvalidArgument` for what is missing or outside the schema.
        """
        shape, row = (self._num_environments,), "environment"
        if reward is None or terminated is None or truncated is None:
            if told.any():
                raise InvalidArgument(
                    "reward, terminated and truncated must be given after the first call; "
                    "call reset() to begin a new task instead"
                )
            reward, terminated, truncated = np.zeros((3, *shape), np.uint8)
        dtype = self._schema.reward_dtype
        earned = fitted("reward", reward, dtype, shape, where=told, row=row)
        by_task = fitted("terminated", terminated, np.bool_, shape, where=told, row=row)
        done = by_task | fitted("truncated", truncated, np.bool_, shape, where=told, row=row)
        # Where no episode ends nothing of it is read, and it may be anything.
        final = self._final(final_observation, done) if done.any() else self.no_observation
        return Outcome(continues, earned, by_task, done, final)

    def _final(self, values: Any, done: np.ndarray) -> np.ndarray:
        """`[N, C]`: the final observations, of which the rows of `done` will be read."""
        rows = rows_where(values, done)
        if rows is None:
            raise InvalidArgument(
                "final_observation must be given where an episode ends; "
                'Gymnasium vector environments return it as info["final_obs"]'
            )
        final = self.no_observation.copy()
        final[done] = self.observation("final_observation", rows, np.flatnonzero(done))
        return final
