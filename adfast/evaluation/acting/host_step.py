"""HostStep: one step of acting on the processor, state in NumPy arrays, sampling compiled by Numba.

Its twin for a device is `device_step.DeviceStep`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Acting, Situation
from adfast.evaluation.sampling.action_sampling import ActionDraws
from adfast.models.embedding.step_input import StepInput
from adfast.models.inspection import Watch
from adfast.models.transformer import Transformer
from adfast.tasks.transition_schema import TransitionSchema

_threaded_process = 0  # the id of the process in which a model has acted here on several threads


class StreamedModel(Protocol):
    """What acts step by step: a `Transformer`, or whatever else has a cache of what it remembers.

    A cache has `is_first` (bool `[N]`) and `reset(mask)`, as `RingKVCache` has.
    """

    schema: TransitionSchema

    def new_cache(self, num_environments: int, dtype: torch.dtype | None = None) -> Any:
        """An empty cache."""

    def step(self, inputs: StepInput, cache: Any, active: torch.Tensor | None) -> torch.Tensor:
        """The logits `[N, A]` of one step, which moves `cache` on; see `Transformer.step`."""


def require_living_threads() -> None:
    """Raise `InvalidArgument` in a forked child, where torch would wait for the parent's threads.

    Only those are known that a model has acted on.
    """
    global _threaded_process
    process = os.getpid()
    if process == _threaded_process or torch.get_num_threads() == 1:
        return
    if _threaded_process:
        raise InvalidArgument(
            f"torch.get_num_threads() must be 1 in a forked process, got {torch.get_num_threads()}:"
            " the parent's threads are not in it and would be waited for for ever; call "
            "torch.set_num_threads(1) in it first, or start processes by spawn"
        )
    _threaded_process = process


class HostStep(Acting):
    """Acts with `model` in N environments, which draw by `draws`."""

    def __init__(
        self,
        model: StreamedModel,
        draws: ActionDraws,
        cache_dtype: torch.dtype | None = None,
        target_return: float | None = None,
        watch: Watch | None = None,
    ) -> None:
        num_environments, schema = len(draws.count), model.schema
        super().__init__(num_environments, schema.episode_length, target_return)
        self._step: Callable[..., torch.Tensor] = model.step
        if watch is not None:
            assert isinstance(model, Transformer), "others are not watched"
            self._step = partial(model.step, watch=watch)
        self._draws = draws
        self._logits = np.zeros((num_environments, schema.num_actions), np.float32)
        self._cache = model.new_cache(num_environments, cache_dtype)
        self._action = np.zeros(num_environments, np.int64)
        self._reward = np.zeros(num_environments, schema.reward_dtype)
        read = schema.observation.read
        self._final_observation = np.zeros((num_environments, *read.shape), read.dtype)
        is_set = isinstance(model, Transformer) and model.config.context == "set"
        self._acted_on = np.zeros_like(self._final_observation) if is_set else None

    def _forget(self, mask: np.ndarray | None) -> None:
        self._cache.reset(None if mask is None else torch.from_numpy(mask))

    def _choose(self, now: Situation) -> np.ndarray:
        observation, outcome, active, episode_step, to_go = now
        require_living_threads()
        if outcome is not None:
            self._reward[outcome.continues] = outcome.reward[outcome.continues]
            if outcome.done.any():
                self._final_observation[outcome.done] = outcome.final_observation[outcome.done]
        if self._acted_on is not None:  # which observation the last transition led to
            goes_on = (episode_step > 0) & (True if active is None else active)
            self._final_observation[goes_on] = observation[goes_on]
        inputs = StepInput(
            observation=torch.from_numpy(observation),
            previous_action=torch.from_numpy(self._action),
            previous_reward=torch.from_numpy(self._reward),
            previous_final_observation=torch.from_numpy(self._final_observation),
            episode_step=torch.from_numpy(episode_step),
            is_first=self._cache.is_first,
            is_checked=True,
            previous_observation=None if self._acted_on is None else torch.tensor(self._acted_on),
            return_to_go=None if to_go is None else torch.from_numpy(to_go.astype(np.float32)),
        )
        moving = None if active is None else torch.from_numpy(active)
        self._logits = self._step(inputs, self._cache, moving).numpy()
        if self._acted_on is not None:
            rows = ... if active is None else active
            self._acted_on[rows] = observation[rows]
        actions = self._draws.draw(self._logits, active)
        self._action[... if active is None else active] = actions[... if active is None else active]
        return actions

    def take_over(self, actions: np.ndarray, mask: np.ndarray) -> None:
        """Where `mask`, `actions` were taken."""
        self._action[mask] = actions[mask]

    def logits(self) -> np.ndarray:
        """Float32 `[N, A]` of the last choice."""
        return self._logits
