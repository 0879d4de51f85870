"""DeviceStep: one step of acting with all state on the device, replayed as one CUDA graph.

The host writes what the environments returned into one page-locked block, one copy takes it over,
one graph embeds, runs the layers against the cache and samples, one copy brings the actions back.
Elsewhere than on CUDA the same operations run one by one, which is how the step is tested against
`host_step.HostStep`.

Axes: N environments, C observation components (of a real one: its numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NoReturn

import numpy as np
import torch

from adfast.errors import InvalidArgument
from adfast.evaluation.acting import Acting, Outcome, Situation
from adfast.evaluation.action_sampling import ActionDraws
from adfast.evaluation.captured_call import captured
from adfast.evaluation.device_sampling import sample_actions, words_to
from adfast.models.device import host_tensor
from adfast.models.step_input import StepInput
from adfast.models.transformer import Transformer


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
        self._components = math.prod(read.shape)
        is_real = read.dtype.kind == "f"
        self._observed_as = torch.float32 if is_real else torch.int32
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
        # Rows: observation, final observation (bits of float32 where they are real), step in the
        # episode, bits of the float32 reward, whether the environment moves on; before these, where
        # a return is asked for, bits of what is left of it in float32.
        self._first = 0 if target_return is None else 1
        rows = (self._first + 2 * self._components + 3, num_environments)
        self._outbox = host_tensor(rows, torch.int32, device).zero_()
        self._inbox = torch.zeros(rows, dtype=torch.int32, device=device)
        self._actions = host_tensor((num_environments,), torch.int64, device)
        host = self._outbox.numpy()
        observed = host[self._first : -3].view(np.float32 if is_real else np.int32)
        self._asked_return = host[0].view(np.float32)
        self._observation, self._final_observation = np.split(observed, 2)
        self._shown_step, self._reward = host[-3], host[-2].view(np.float32)
        self._active = host[-1]
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
        self._shown_step[:] = episode_step
        if to_go is not None:
            self._asked_return[:] = to_go
        self._active[:] = 1 if active is None else active
        self._write(observation, outcome)
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

    def _write(self, observation: np.ndarray, outcome: Outcome | None) -> None:
        """Put what the environments returned into the block that is copied."""
        if outcome is not None:
            final = np.where(outcome.done[:, None], flat(outcome.final_observation), 0)
            self._final_observation[:] = final.T
            self._reward[:] = np.where(outcome.continues, outcome.reward, 0)
        self._observation[:] = flat(observation).T

    @property
    def state(self) -> list[torch.Tensor]:
        """What `advance` changes for good, but for cache slots that the next step writes anew."""
        acted_on = () if self._acted_on is None else (self._acted_on,)
        return [self._cache.step, self._draws, self._action, *acted_on]

    @torch.no_grad()
    def advance(self) -> None:
        """One step of all environments, from the inbox to the actions: what the graph holds."""
        seen = self._inbox[self._first : -3].view(self._observed_as)
        now, final = seen.split(self._components)
        active = self._inbox[-1].bool() if self._holds_back else None
        observation, shown = now.T.reshape(self._shape), final.T.reshape(self._shape)
        before = self._acted_on
        if before is not None:  # which observation the last transition led to
            goes_on = (self._inbox[-3] > 0).view(-1, *(1 for _ in self._shape[1:]))
            shown = observation.where(goes_on, shown)
        inputs = StepInput(
            observation=observation,
            previous_action=self._action,
            previous_reward=self._inbox[-2].view(torch.float32),
            previous_final_observation=shown,
            episode_step=self._inbox[-3],
            is_first=self._cache.is_first,
            is_checked=True,
            previous_observation=before,
            return_to_go=self._inbox[0].view(torch.float32) if self._first else None,
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


def flat(observation: np.ndarray) -> np.ndarray:
    """`[N, C]` of observations `[N, ...]`."""
    return observation.reshape(len(observation), -1)
