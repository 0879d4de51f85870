"""Counter-based randomness: a draw is a function of (seed, purpose, random stream, step).

There is no generator and no state, so batch width, order, threads and processes cannot change a
draw. A stream is keyed by two independent 32-bit words (SplitMix64 of seed, purpose and stream); a
step's key mixes the step into them with `lowbias32`. Everything is uint32 arithmetic, which
vectorises. The plain-integer twin is `tests/reference/random_streams.py`.

Source: Steele, Lea & Flood 2014 (SplitMix64); Wellons 2018, "Prospecting for hash functions"
(lowbias32).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint32, uint64
from numba.extending import register_jitable

# Purposes: two draws of different purpose never share a key.
TASK_SPLIT = 1
ENVIRONMENT_RESET = 2
ENVIRONMENT_STEP = 3
BEHAVIOUR = 4  # the actions of a source algorithm
EVALUATION_ACTION = 5  # the actions of a trained model
RANDOM_POLICY = 6
BOOTSTRAP = 7
MODEL_INITIALISATION = 8
DROPOUT = 9

GOLDEN_32 = 0x9E3779B9
GOLDEN_64 = 0x9E3779B97F4A7C15


@register_jitable
def mix32(word: Any) -> Any:
    """The uint32 `word` with every input bit spread over every output bit (lowbias32)."""
    word = uint32(word)
    word = uint32(word ^ uint32(word >> uint32(16)))
    word = uint32(word * uint32(0x7FEB352D))
    word = uint32(word ^ uint32(word >> uint32(15)))
    word = uint32(word * uint32(0x846CA68B))
    return uint32(word ^ uint32(word >> uint32(16)))


@register_jitable
def mix64(word: Any) -> Any:
    """The uint64 `word` mixed (the SplitMix64 finaliser)."""
    word = uint64(word)
    word = uint64((word ^ (word >> uint64(30))) * uint64(0xBF58476D1CE4E5B9))
    word = uint64((word ^ (word >> uint64(27))) * uint64(0x94D049BB133111EB))
    return uint64(word ^ (word >> uint64(31)))


@register_jitable
def stream_key(seed: Any, purpose: Any, random_stream: Any) -> Any:
    """The two uint32 words `(offset, mask)` that identify one random stream."""
    word = mix64(uint64(seed) + uint64(GOLDEN_64))
    word = mix64(uint64(word ^ uint64(purpose)) + uint64(GOLDEN_64))
    word = mix64(uint64(word ^ uint64(random_stream)) + uint64(GOLDEN_64))
    return uint32(word & uint64(0xFFFFFFFF)), uint32(word >> uint64(32))


@register_jitable
def step_key(offset: Any, mask: Any, step: Any) -> Any:
    """The uint32 key of one step of the stream `(offset, mask)`."""
    return mix32(uint32(uint32(uint32(step) + offset) * uint32(GOLDEN_32)) ^ mask)


@register_jitable
def subkey(key: Any, index: Any) -> Any:
    """The `index`-th further key within one step (index >= 0)."""
    return mix32(uint32(key + uint32(uint32(index + 1) * uint32(GOLDEN_32))))


@register_jitable
def bounded(key: Any, bound: Any) -> Any:
    """An integer in [0, bound), uniform up to bound / 2**32 (multiply-shift)."""
    return uint32((uint64(key) * uint64(bound)) >> uint64(32))


@register_jitable
def uniform(key: Any) -> Any:
    """A float32 in [0, 1): the key's upper 24 bits over 2**24."""
    return np.float32(uint32(key) >> uint32(8)) * np.float32(2.0**-24)


def step_keys(offset: Any, mask: Any, num_steps: int) -> np.ndarray:
    """uint32 `[num_steps]`: the keys of steps 0 .. num_steps - 1 of one stream."""
    with np.errstate(over="ignore"):
        steps = np.arange(num_steps, dtype=np.uint32)
        words = (steps + np.uint32(offset)) * np.uint32(GOLDEN_32) ^ np.uint32(mask)
        words ^= words >> np.uint32(16)
        words *= np.uint32(0x7FEB352D)
        words ^= words >> np.uint32(15)
        words *= np.uint32(0x846CA68B)
        words ^= words >> np.uint32(16)
    return words
