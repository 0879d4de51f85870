"""HostStep: one step of acting on the processor, state in NumPy arrays, sampling compiled by Numba.

Its twin for a device is `device_step.DeviceStep`.
"""

from __future__ import annotations

import numpy as np
import torch

from adfast.evaluation.acting import Acting, Outcome
from adfast.evaluation.action_sampling import sample_actions
from adfast.models.transformer import Transformer
from adfast.models.transition_embedding import StepInput


class HostStep(Acting):
    """Acts with `model` in N environments, which draw from the streams `(offset, mask)`."""

    def __init__(
        self,
        model: Transformer,
        temperature: float,
        offset: np.ndarray,
        mask: np.ndarray,
        cache_dtype: torch.dtype | None = None,
    ) -> None:
        num_environments, schema = len(offset), model.schema
        super().__init__(num_environments, schema.episode_length)
        self._model = model
        self._temperature = temperature
        self._offset, self._mask = offset, mask
        self._draws = np.zeros(num_environments, np.int64)
        self._cache = model.new_cache(num_environments, cache_dtype)
        self._action = np.zeros(num_environments, np.int64)
        self._reward = np.zeros(num_environments, schema.reward_dtype)
        self._final_observation = np.zeros(
            (num_environments, *schema.observation_shape),
            np.int64 if schema.real_observation is None else np.float32,
        )

    def _forget(self, mask: np.ndarray | None) -> None:
        self._cache.reset(None if mask is None else torch.from_numpy(mask))

    def _choose(
        self,
        observation: np.ndarray,
        outcome: Outcome | None,
        active: np.ndarray | None,
        episode_step: np.ndarray,
    ) -> np.ndarray:
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
        self._action[... if active is None else active] = actions[... if active is None else active]
        return actions
