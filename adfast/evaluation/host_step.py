"""HostStep: one step of acting on the processor, state in NumPy arrays, sampling compiled by Numba.

Its twin for a device is `device_step.DeviceStep`; both do what `Acting` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from adfast.evaluation.action_sampling import sample_actions
from adfast.models.transformer import Transformer
from adfast.models.transition_embedding import StepInput, require_in_range


@dataclass(frozen=True)
class Outcome:
    """What the last actions brought to the environments that go on, checked.

    `continues` bool `[N]` marks them; nothing is read of the others. `reward` `[N]`, `done` bool
    `[N]` (only where `continues`), `final_observation` as observations are, read where `done`.
    """

    continues: np.ndarray
    reward: np.ndarray
    done: np.ndarray
    final_observation: np.ndarray


class Acting(Protocol):
    """Takes in what actions brought and chooses the next ones, with a cache of all before."""

    def reset(self, mask: np.ndarray | None) -> None:
        """Begin a new history in the environments of `mask` (bool `[N]`), or in all."""

    def __call__(
        self, observation: np.ndarray, outcome: Outcome | None, active: np.ndarray | None = None
    ) -> np.ndarray:
        """The actions int64 `[N]` on `observation`; no outcome if all begin.

        Observations are int64 `[N, C]`, or float32 `[N, *shape]` where they are real numbers.
        Environments outside `active` (bool `[N]`; None: all are in it) are passed over.
        """


class HostStep:
    """Acts with `model` in N environments, which draw from the streams `(offset, mask)`."""

    def __init__(
        self,
        model: Transformer,
        temperature: float,
        offset: np.ndarray,
        mask: np.ndarray,
        cache_dtype: torch.dtype | None = None,
    ) -> None:
        num_environments = len(offset)
        self._model = model
        self._temperature = temperature
        self._offset, self._mask = offset, mask
        self._draws = np.zeros(num_environments, np.int64)
        self._cache = model.new_cache(num_environments, cache_dtype)
        schema = model.schema
        self._action = np.zeros(num_environments, np.int64)
        self._reward = np.zeros(num_environments, schema.reward_dtype)
        self._final_observation = np.zeros(
            (num_environments, *schema.observation_shape),
            np.int64 if schema.real_observation is None else np.float32,
        )
        self._episode_step = np.zeros(num_environments, np.int64)

    def reset(self, mask: np.ndarray | None) -> None:
        """Begin a new history in the environments of `mask`, or in all."""
        if mask is None:
            self._cache.reset()
            self._episode_step[:] = 0
            return
        self._cache.reset(torch.from_numpy(mask))
        self._episode_step[mask] = 0

    def __call__(
        self, observation: np.ndarray, outcome: Outcome | None, active: np.ndarray | None = None
    ) -> np.ndarray:
        """The actions int64 `[N]` on `observation`."""
        episode_step = self._episode_step.copy()
        if outcome is not None:
            episode_step[outcome.done] = 0
        if active is not None:
            episode_step[~active] = 0  # their episode is over, so its step has no meaning
        require_in_range("episode_step", episode_step, self._model.schema.episode_length)
        if outcome is not None:
            self._reward[outcome.continues] = outcome.reward[outcome.continues]
            if outcome.done.any():
                self._final_observation[outcome.done] = outcome.final_observation[outcome.done]
        inputs = StepInput(
            observation=torch.from_numpy(observation),
            previous_action=torch.from_numpy(self._action),
            previous_reward=torch.from_numpy(self._reward),
            previous_final_observation=torch.from_numpy(self._final_observation),
            episode_step=torch.from_numpy(episode_step),
            is_first=self._cache.is_first,
        )
        moving = None if active is None else torch.from_numpy(active)
        logits = self._model.step(inputs, self._cache, moving).numpy()
        actions = np.empty(len(self._action), np.int64)
        sample_actions(logits, self._temperature, self._offset, self._mask, self._draws, actions)
        self._draws += 1 if active is None else active
        self._episode_step = episode_step + (1 if active is None else active)
        self._action[... if active is None else active] = actions[... if active is None else active]
        return actions
