"""DeviceStep: one step of acting with all state on the device, replayed as one CUDA graph.

The host writes what the environments returned into one page-locked block, one copy takes it over,
one graph embeds, runs the layers against the cache and samples, one copy brings the actions back.
Elsewhere than on CUDA the same operations run one by one, which is how the step is tested against
`host_step.HostStep`.

Axes: N environments, R rows of numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import torch

from adfast.errors import InvalidArgument
from adfast.evaluation.acting.acting import Acting, Situation
from adfast.evaluation.acting.captured_call import captured
from adfast.evaluation.sampling.action_sampling import ActionDraws
from adfast.evaluation.sampling.device_sampling import sample_actions, words_to
from adfast.models.device import host_tensor
from adfast.models.embedding.step_input import StepInput
from adfast.models.transformer import Transformer

# What observations are copied as, by the dtype that agents read them in.
COPIED_AS = {
    np.dtype(np.int64): torch.int32,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.uint8): torch.uint8,
}


class DeviceStep(Acting):
    """Acts with `model`, where it is, in N environments that draw as `draws` would."""

    def __init__(
        self,
        model: Transformer,
        draws: ActionDraws,
        cache_dtype: torch.dtype | None = None,
        target_return: float | None = None,
    ) -> None:
        device = model.head.device
        num_environments, read = len(draws.count), model.schema.observation.read
        super().__init__(num_environments, model.schema.episode_length, target_return)
        self._shape = (num_environments, *read.shape)
        self._observed_as = COPIED_AS[read.dtype]
        self._model = model
        self._temperature = draws.temperature
        self._offset, self._mask = words_to(device, draws.offset), words_to(device, draws.mask)
        self._cache = model.new_cache(num_environments, cache_dtype)
        self._reserved_steps = 0  # tokens since all began, a bound known without asking the device
        acted_on = torch.zeros(self._shape, dtype=self._observed_as, device=device)
        self._acted_on = acted_on if model.config.context == "set" else None
        zeros = torch.zeros(num_environments, dtype=torch.int64, device=device)
        self._draws, self._action = zeros.clone(), zeros.clone()
        self._logits = torch.zeros(num_environments, model.schema.num_actions, device=device)
        # One block of bytes: rows of 32 bits (the step in the episode, bits of the float32 reward,
        # whether the environment moves on and, where a return is asked for, bits of what is left of
        # it in float32), then the observations, then the final ones.
        self._num_rows = 3 if target_return is None else 4
        num_bytes = 4 * self._num_rows * num_environments
        num_bytes += 2 * math.prod(self._shape) * self._observed_as.itemsize
        self._outbox = host_tensor((num_bytes,), torch.uint8, device).zero_()
        self._inbox = torch.zeros(num_bytes, dtype=torch.uint8, device=device)
        self._actions = host_tensor((num_environments,), torch.int64, device)
        rows, observed = self._parts(self._outbox)
        self._rows, (self._observation, self._final_observation) = rows.numpy(), observed.numpy()
        self._holds_back = False  # whether some environments ever do not move on
        self._advance_all: Callable[[], None] | None
        self._advance_all = None if device.type == "cuda" else self.advance

    def __reduce__(self) -> NoReturn:
        # Its arrays are views of what is copied to the device: copies would be of nothing.
        raise InvalidArgument(
            "an agent on a device cannot be copied or sent to another process; load it there "
            "(adfast.load), or act on the CPU"
        )

    def _forget(self, mask: np.ndarray | None) -> None:
        if mask is None:
            self._reserved_steps = 0
        self._cache.reset(None if mask is None else torch.from_numpy(mask).to(self._inbox.device))

    def _choose(self, now: Situation) -> np.ndarray:
        observation, outcome, active, episode_step, to_go = now
        self._rows[0] = episode_step
        if outcome is not None:
            self._rows[1].view(np.float32)[:] = np.where(outcome.continues, outcome.reward, 0)
            self._final_observation[outcome.done] = outcome.final_observation[outcome.done]
        self._rows[2] = 1 if active is None else active
        if to_go is not None:
            self._rows[3].view(np.float32)[:] = to_go
        self._observation[:] = observation
        if active is not None and not self._holds_back:
            self._holds_back = True
            self._advance_all = None if self._inbox.is_cuda else self.advance
        self._reserved_steps += self._model.config.tokens_per_transition
        has_moved = self._cache.reserve(self._reserved_steps)
        self._inbox.copy_(self._outbox, non_blocking=True)
        if self._advance_all is None or (has_moved and self._inbox.is_cuda):
            self._advance_all = captured(self.advance, self.state, self._inbox.device)
        self._advance_all()
        self._actions.copy_(self._action, non_blocking=True)
        if self._inbox.is_cuda:
            torch.cuda.current_stream(self._inbox.device).synchronize()
        return self._actions.numpy().copy()

    def take_over(self, actions: np.ndarray, mask: np.ndarray) -> None:
        """Where `mask`, `actions` were taken."""
        device = self._action.device
        taken = torch.from_numpy(actions).to(device)
        self._action.copy_(taken.where(torch.from_numpy(mask).to(device), self._action))

    def logits(self) -> np.ndarray:
        """Float32 `[N, A]` of the last choice."""
        return self._logits.cpu().numpy()

    def _parts(self, block: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of a block its rows int32 `[R, N]` and its observations `[2, N, *shape]`."""
        num_bytes = 4 * self._num_rows * self._shape[0]
        rows = block[:num_bytes].view(torch.int32).view(self._num_rows, -1)
        return rows, block[num_bytes:].view(self._observed_as).view(2, *self._shape)

    @property
    def state(self) -> list[torch.Tensor]:
        """What `advance` changes for good, but for cache slots that the next step writes anew."""
        acted_on = () if self._acted_on is None else (self._acted_on,)
        stack = self._cache.frame_stack
        frames = () if stack is None else (stack.frames,)
        return [self._cache.step, self._draws, self._action, *acted_on, *frames]

    @torch.no_grad()
    def advance(self) -> None:
        """One step of all environments, from the inbox to the actions: what the graph holds."""
        rows, (observation, shown) = self._parts(self._inbox)
        active = rows[2].bool() if self._holds_back else None
        before = self._acted_on
        if before is not None:  # which observation the last transition led to
            goes_on = (rows[0] > 0).view(-1, *(1 for _ in self._shape[1:]))
            shown = observation.where(goes_on, shown)
        inputs = StepInput(
            observation=observation,
            previous_action=self._action,
            previous_reward=rows[1].view(torch.float32),
            previous_final_observation=shown,
            episode_step=rows[0],
            is_first=self._cache.is_first,
            is_checked=True,
            previous_observation=before,
            return_to_go=rows[3].view(torch.float32) if self._num_rows > 3 else None,
        )
        # Of a graph this is memory that each replay writes anew.
        self._logits = self._model.step(inputs, self._cache, active)
        actions = sample_actions(
            self._logits, self._temperature, self._offset, self._mask, self._draws
        )
        self._action.copy_(actions if active is None else actions.where(active, self._action))
        if before is not None:
            moves = None if active is None else active.view(-1, *(1 for _ in self._shape[1:]))
            before.copy_(observation if moves is None else observation.where(moves, before))
        self._draws += 1 if active is None else active
