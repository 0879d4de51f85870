"""RingKVCache: the state of a model that acts, one stream per environment.

Resetting an environment moves its start to the present, so nothing is cleared or moved. All are in
step with one another unless some are held back.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.attention import KeyValueCache
from adfast.errors import InvalidArgument, byte_size
from adfast.machine.memory import memory_bytes
from adfast.models.config import ModelConfig
from adfast.models.embedding.frame_stack import FrameStack


class RingKVCache:
    """One `KeyValueCache` per layer, each environment's clock and its start, in tokens.

    A layer without an attention window keeps the whole history and grows.
    """

    def __init__(
        self,
        config: ModelConfig,
        num_environments: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.num_environments = num_environments
        if device.type == "cpu":
            require_memory(config, num_environments, dtype)
        self.layers = [
            KeyValueCache(
                num_environments,
                config.resolved_num_kv_heads,
                config.head_dim,
                window,
                dtype=dtype,
                device=device,
            )
            for window in config.layer_token_windows
        ]
        self.frame_stack: FrameStack | None = None  # of models that see several pictures
        self.step = torch.zeros(num_environments, dtype=torch.int64, device=device)
        self.start = torch.zeros(num_environments, dtype=torch.int64, device=device)

    @property
    def is_first(self) -> Tensor:
        """bool `[N]`: environments whose next step begins a history."""
        return self.step == self.start

    def reserve(self, num_steps: int) -> bool:
        """Make room for so many tokens since all were reset; whether memory was moved for it."""
        before = [layer.num_slots for layer in self.layers]
        for layer in self.layers:
            layer.reserve(num_steps)
        return before != [layer.num_slots for layer in self.layers]

    def advance(self, active: Tensor | None = None) -> None:
        """Move the clocks of all environments, or of `active` (bool `[N]`), on by one token.

        The next token of the others takes the place of the one that was just written.
        """
        self.step += 1 if active is None else active

    def reset(self, mask: Tensor | None = None) -> None:
        """Begin a new history in the environments of `mask` (bool `[N]`), or in all of them.

        Resetting all winds the clock back, so that a growing layer starts over in the room it has.
        Raises `InvalidArgument` for a mask of another dtype or shape.
        """
        if mask is None:
            self.step.zero_()
            self.start.zero_()
            return
        if mask.dtype != torch.bool or tuple(mask.shape) != (self.num_environments,):
            raise InvalidArgument(
                f"reset mask must be bool [{self.num_environments}], one per environment, "
                f"got {mask.dtype} {tuple(mask.shape)}"
            )
        torch.where(mask, self.step, self.start, out=self.start)


def require_memory(config: ModelConfig, num_environments: int, dtype: torch.dtype) -> None:
    """Raise `InvalidArgument` where the windows of so many environments exceed the memory.

    A system may promise more than it has, and end the process that takes it.
    """
    slots = sum(window or 1 for window in config.layer_token_windows)
    channels = 2 * config.resolved_num_kv_heads * config.head_dim
    needed = num_environments * slots * channels * dtype.itemsize
    if needed > memory_bytes():
        raise InvalidArgument(
            f"num_environments of {num_environments} takes {byte_size(needed)} for keys and "
            f"values, and this machine has {byte_size(memory_bytes())}; act in fewer at a time"
        )
