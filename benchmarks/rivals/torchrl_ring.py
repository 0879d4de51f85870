"""torchrl's replay buffer with its slice sampler, whose trajectory bounds are computed once."""

from __future__ import annotations

import os

os.environ.setdefault("RL_LOGGING_LEVEL", "WARNING")

import numpy as np
import torch
from tensordict import TensorDict
from torchrl.data import LazyTensorStorage, TensorDictReplayBuffer
from torchrl.data.replay_buffers import SliceSampler

from benchmarks.rivals.optional import Rival
from benchmarks.rivals.window_samplers import Arrays, Sampler, window_rival


def make_sampler(arrays: Arrays, batch_size: int, length: int) -> Sampler:
    """Slices of `length`, each within a lane."""
    lanes, capacity = arrays["action"].shape
    rows = {
        name: torch.from_numpy(array.reshape(-1, *array.shape[2:]))
        for name, array in arrays.items()
    }
    ends = torch.zeros(lanes, capacity, 1, dtype=torch.bool)
    ends[:, -1] = True
    buffer = TensorDictReplayBuffer(
        storage=LazyTensorStorage(lanes * capacity),
        sampler=SliceSampler(
            slice_len=length, end_key="end", cache_values=True, strict_length=True
        ),
        batch_size=batch_size * length,
    )
    buffer.extend(TensorDict(rows | {"end": ends.flatten(0, 1)}, batch_size=[lanes * capacity]))

    def sample() -> dict[str, np.ndarray]:
        drawn = buffer.sample()
        return {
            name: drawn[name].numpy().reshape(batch_size, length, *array.shape[2:])
            for name, array in arrays.items()
        }

    return sample


def sample_rival(arrays: Arrays, batch_size: int, length: int) -> Rival:
    """The rival of `RingBuffer.sample`."""
    return window_rival("torchrl SliceSampler", make_sampler, arrays, batch_size, length)
