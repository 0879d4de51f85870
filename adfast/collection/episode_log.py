"""EpisodeLog: what happens in N environments, as transitions of N growing histories.

It knows where episodes begin and end, whoever resets the environments, and so that nothing of an
end is lost: the final observation, whether it was the task or a limit, an episode given up midway.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.errors import InvalidArgument
from adfast.histories.recording import Recording
from adfast.tasks.transition_schema import (
    BOUNDARY_INSIDE,
    BOUNDARY_TERMINATED,
    BOUNDARY_TRUNCATED,
    TransitionSchema,
)
from adfast.values import fitted


class EpisodeLog:
    """Turns resets and steps of N environments into rows of `recording`.

    Observations and actions are encoded as `schema` says; masks are bool `[N]`.
    """

    def __init__(
        self, recording: Recording, schema: TransitionSchema, num_environments: int
    ) -> None:
        self.recording = recording
        self._schema = schema
        stored = schema.observation.stored
        self._observation = np.zeros((num_environments, *stored.shape), stored.dtype)
        self._episode_step = np.zeros(num_environments, np.int64)
        self._has_begun = np.zeros(num_environments, bool)  # an episode that can take a step

    @property
    def observation(self) -> np.ndarray:
        """What each environment saw last, `[N, *shape]`; not to be changed."""
        return self._observation

    def begin_reset(self, mask: np.ndarray) -> None:
        """The environments of `mask` are about to be reset; `begin` must follow.

        Where it does not, since the reset was interrupted or failed, only a new episode goes on.
        """
        self.recording.require_open()
        self._has_begun[mask] = False

    def begin(self, observation: np.ndarray, mask: np.ndarray) -> None:
        """New episodes begin in `mask` with `observation` `[N, *shape]`; open ones are given up."""
        self.recording.truncate(mask)
        self._observation[mask] = observation[mask]
        self._episode_step[mask] = 0
        self._has_begun[mask] = True

    def begin_step(self, mask: np.ndarray) -> None:
        """The environments of `mask` are about to take a step; `add` must follow.

        Where it does not, since the step was interrupted or failed, only a new episode goes on.
        Raises `InvalidArgument` unless they can take a step.
        """
        self.recording.require_open()
        waiting = mask & ~self._has_begun
        if waiting.any():
            raise InvalidArgument(
                f"step needs an episode that goes on, but environment {int(waiting.argmax())} has "
                "begun none since the last one ended or a step failed; call reset() first"
            )
        if (self._episode_step[mask] >= self._schema.episode_length).any():
            raise InvalidArgument(
                f"episode_length is {self._schema.episode_length} steps, and an episode is longer; "
                "record into another store with Recorder(path, episode_length=...)"
            )
        self._has_begun[mask] = False

    def add(
        self,
        action: np.ndarray,
        reward: Any,
        next_observation: np.ndarray,
        terminated: np.ndarray,
        truncated: np.ndarray,
        mask: np.ndarray,
    ) -> None:
        """The environments of `mask` took a step that led to `next_observation`, before any reset.

        An episode that was both terminated and truncated counts as terminated. Raises
        `InvalidArgument`, and adds nothing, for a reward that is no finite number, or none of the
        schema's dtype.
        """
        dtype = self._schema.reward_dtype
        try:
            reward = fitted("reward", reward, dtype, mask.shape, where=mask, row="environment")
        except InvalidArgument as error:
            if dtype == "float32":
                raise
            raise InvalidArgument(
                f"{error} as the store's reward_dtype {dtype} is; record into another folder, with "
                'a wider one such as "float32"'
            ) from None
        boundary = np.full(len(mask), BOUNDARY_INSIDE, np.uint8)
        boundary[truncated] = BOUNDARY_TRUNCATED
        boundary[terminated] = BOUNDARY_TERMINATED
        rows = {
            "observation": self._observation,
            "action": action,
            "reward": reward,
            "next_observation": next_observation,
            "boundary": boundary,
            "episode_step": self._episode_step.astype(self._schema.episode_step_dtype),
        }
        self.recording.append(rows, mask)
        self._observation[mask] = next_observation[mask]
        self._episode_step[mask] += 1
        goes_on = boundary == BOUNDARY_INSIDE
        self._has_begun[mask & goes_on] = True
        if not goes_on[mask].all():
            self.recording.flush()
