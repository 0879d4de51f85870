"""DeviceStep: one step of acting with all state on the device, replayed as one CUDA graph.

The host writes what the environments returned into one page-locked block, one copy takes it over,
one graph embeds, runs the layers against the cache and samples, one copy brings the actions back.
Elsewhere than on CUDA the same operations run one by one, which is how the step is tested against
`host_step.HostStep`.

Axes: N environments, C observation components.
"""

from __future__ import annotations

import numpy as np
import torch

from adfast.evaluation.captured_call import captured
from adfast.evaluation.device_sampling import sample_actions, words_to
from adfast.evaluation.host_step import Outcome
from adfast.models.device import host_tensor
from adfast.models.transformer import Transformer
from adfast.models.transition_embedding import StepInput, require_in_range


class DeviceStep:
    """Acts with `model`, where it is, in N environments that draw from `(offset, mask)`."""

    def __init__(
        self, model: Transformer, temperature: float, offset: np.ndarray, mask: np.ndarray
    ) -> None:
        device = model.head.device
        num_environments = len(offset)
        components = len(model.schema.observation_sizes)
        self._model = model
        self._temperature = temperature
        self._offset, self._mask = words_to(device, offset), words_to(device, mask)
        self._cache = model.new_cache(num_environments)
        self._reserved_steps = 0  # tokens since all began, a bound known without asking the device
        zeros = torch.zeros(num_environments, dtype=torch.int64, device=device)
        self._draws, self._action = zeros.clone(), zeros.clone()
        # Rows: observation, final observation, step in the episode, bits of the float32 reward.
        rows = (2 * components + 2, num_environments)
        self._outbox = host_tensor(rows, torch.int32, device).zero_()
        self._inbox = torch.zeros(rows, dtype=torch.int32, device=device)
        self._actions = host_tensor((num_environments,), torch.int64, device)
        host = self._outbox.numpy()
        self._observation, self._final_observation = host[:components], host[components:-2]
        self._episode_step, self._reward = host[-2], host[-1].view(np.float32)
        self._advance_all = None if device.type == "cuda" else self.advance

    def reset(self, mask: np.ndarray | None) -> None:
        """Begin a new history in the environments of `mask`, or in all."""
        if mask is None:
            self._cache.reset()
            self._reserved_steps = 0
        else:
            self._cache.reset(torch.from_numpy(mask).to(self._inbox.device))
        self._episode_step[... if mask is None else mask] = 0

    def __call__(
        self, observation: np.ndarray, outcome: Outcome | None, active: np.ndarray | None = None
    ) -> np.ndarray:
        """The actions int64 `[N]` on `observation` int64 `[N, C]`; all environments move on.

        Raises `InvalidArgument` for values outside the model's schema, before anything is changed.
        """
        assert active is None, "the agent refuses environments that it would have to hold back"
        self._write(observation, outcome)
        self._reserved_steps += self._model.config.tokens_per_transition
        has_moved = self._cache.reserve(self._reserved_steps)
        self._inbox.copy_(self._outbox, non_blocking=True)
        if self._advance_all is None or (has_moved and self._inbox.is_cuda):
            self._advance_all = captured(self.advance, self.state, self._inbox.device)
        self._advance_all()
        self._actions.copy_(self._action, non_blocking=True)
        if self._inbox.is_cuda:
            torch.cuda.current_stream(self._inbox.device).synchronize()
        self._episode_step += 1
        return self._actions.numpy().copy()

    def _write(self, observation: np.ndarray, outcome: Outcome | None) -> None:
        """Put what the environments returned into the block that is copied."""
        schema = self._model.schema
        for component, size in enumerate(schema.observation_sizes):
            require_in_range(f"observation[{component}]", observation[:, component], size)
        self._observation[:] = observation.T
        if outcome is not None:
            final_observation = np.where(outcome.done[:, None], outcome.final_observation, 0)
            for component, size in enumerate(schema.observation_sizes):
                values = final_observation[:, component]
                require_in_range(f"final_observation[{component}]", values, size)
            self._final_observation[:] = final_observation.T
            self._episode_step[outcome.done] = 0
            self._reward[:] = np.where(outcome.continues, outcome.reward, 0)
        require_in_range("episode_step", self._episode_step, schema.episode_length)

    @property
    def state(self) -> list[torch.Tensor]:
        """What `advance` changes for good, but for cache slots that the next step writes anew."""
        return [self._cache.step, self._draws, self._action]

    @torch.no_grad()
    def advance(self) -> None:
        """One step of all environments, from the inbox to the actions: what the graph holds."""
        components = len(self._model.schema.observation_sizes)
        inputs = StepInput(
            observation=self._inbox[:components].T,
            previous_action=self._action,
            previous_reward=self._inbox[-1].view(torch.float32),
            previous_final_observation=self._inbox[components:-2].T,
            episode_step=self._inbox[-2],
            is_first=self._cache.is_first,
        )
        logits = self._model.step(inputs, self._cache)
        self._action.copy_(
            sample_actions(logits, self._temperature, self._offset, self._mask, self._draws)
        )
        self._draws += 1
