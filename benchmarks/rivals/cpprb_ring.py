"""cpprb's replay buffer, which knows transitions and no windows: it gathers drawn indices."""

from __future__ import annotations

import cpprb
import numpy as np

from benchmarks.rivals.optional import Rival
from benchmarks.rivals.window_samplers import Arrays, Sampler, window_rival

ADDED_LANES = 64  # at a time


def make_sampler(arrays: Arrays, batch_size: int, length: int) -> Sampler:
    """Windows as `batch_size * length` single transitions, gathered by index."""
    lanes, capacity = arrays["action"].shape
    buffer = cpprb.ReplayBuffer(
        lanes * capacity,
        {name: {"dtype": a.dtype, "shape": a.shape[2:] or 1} for name, a in arrays.items()},
    )
    for first in range(0, lanes, ADDED_LANES):
        block = {name: a[first : first + ADDED_LANES] for name, a in arrays.items()}
        buffer.add(**{name: a.reshape(-1, *a.shape[2:]) for name, a in block.items()})
    generator = np.random.default_rng(0)
    steps = np.arange(length)

    def sample() -> dict[str, np.ndarray]:
        starts = generator.integers(lanes, size=batch_size) * capacity
        starts += generator.integers(capacity - length + 1, size=batch_size)
        rows = buffer._encode_sample((starts[:, None] + steps).ravel())
        return {name: a.reshape(batch_size, length, *a.shape[1:]) for name, a in rows.items()}

    return sample


def sample_rival(arrays: Arrays, batch_size: int, length: int) -> Rival:
    """The rival of `RingBuffer.sample`."""
    return window_rival("cpprb, gathered", make_sampler, arrays, batch_size, length)
