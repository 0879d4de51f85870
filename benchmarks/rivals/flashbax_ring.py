"""Flashbax's trajectory buffer in JAX: circular lanes, windows gathered under jit, one thread."""

from __future__ import annotations

import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import flashbax
import jax
import numpy as np

from benchmarks.rivals.optional import Rival
from benchmarks.rivals.window_samplers import Arrays, Sampler, window_rival


def make_sampler(arrays: Arrays, batch_size: int, length: int) -> Sampler:
    """Windows with uniform starts, `period` 1."""
    lanes, capacity = arrays["action"].shape
    buffer = flashbax.make_trajectory_buffer(
        add_batch_size=lanes,
        sample_batch_size=batch_size,
        sample_sequence_length=length,
        period=1,
        min_length_time_axis=length,
        max_length_time_axis=capacity,
    )
    state = buffer.init({name: array[0, 0] for name, array in arrays.items()})
    state = jax.jit(buffer.add, donate_argnums=0)(state, dict(arrays))
    draw = jax.jit(buffer.sample)
    key = [jax.random.key(0)]

    def sample() -> dict[str, np.ndarray]:
        key[0], now = jax.random.split(key[0])
        windows = jax.block_until_ready(draw(state, now).experience)
        return {name: np.asarray(array) for name, array in windows.items()}

    return sample


def sample_rival(arrays: Arrays, batch_size: int, length: int) -> Rival:
    """The rival of `RingBuffer.sample`."""
    return window_rival("flashbax", make_sampler, arrays, batch_size, length)
