"""Counter-based randomness: a draw is a function of (seed, purpose, random stream, step).

There is no generator and no state, so batch width, order, threads and processes cannot change a
draw. A stream is keyed by two independent 32-bit words (SplitMix64 of seed, purpose and stream); a
step's key mixes the step, one of 2**32, into them with `lowbias32`. Everything is uint32
arithmetic, which vectorises. The scalar functions are for compiled loops (plain Python would warn
of the overflow that they mean); host code takes the array forms `stream_keys` and `step_keys`. The
plain-integer twin is `tests/reference/random_streams.py`.

Source: Steele, Lea & Flood 2014 (SplitMix64); Wellons 2018, "Prospecting for hash functions"
(lowbias32).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint32, uint64
from numba.extending import register_jitable

from adfast.errors import InvalidArgument

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
TASK_CONTENT = 10  # what makes up a task that is drawn rather than counted out

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


def stream_keys(seed: int, purpose: int, streams: Any) -> tuple[np.ndarray, np.ndarray]:
    """uint32 `[N]` offsets and masks: `stream_key` of each stream, for code that is not compiled.

    Raises `InvalidArgument` for a seed or a stream outside 0 .. 2**64 - 1.
    """
    words = np.asarray(streams)
    if words.dtype.kind not in "iu" or (words.dtype.kind == "i" and (words < 0).any()):
        raise InvalidArgument(
            f"random streams must be integers in 0..2**64-1, got {words.dtype} {words!r}"
        )
    if not 0 <= seed < 2**64:
        raise InvalidArgument(f"seed must be in 0..2**64-1, got {seed}")
    word = mix64_array(np.array([seed], np.uint64) + np.uint64(GOLDEN_64))
    word = mix64_array((word ^ np.uint64(purpose)) + np.uint64(GOLDEN_64))
    word = mix64_array((word ^ words.astype(np.uint64)) + np.uint64(GOLDEN_64))
    return word.astype(np.uint32), (word >> np.uint64(32)).astype(np.uint32)


def step_keys(offset: Any, mask: Any, num_steps: int) -> np.ndarray:
    """uint32 `[num_steps]`: the keys of steps 0 .. num_steps - 1 of one stream."""
    words = np.arange(num_steps, dtype=np.uint32) + np.asarray([offset], np.uint32)
    words = words * np.uint32(GOLDEN_32) ^ np.asarray([mask], np.uint32)
    words ^= words >> np.uint32(16)
    words *= np.uint32(0x7FEB352D)
    words ^= words >> np.uint32(15)
    words *= np.uint32(0x846CA68B)
    words ^= words >> np.uint32(16)
    return words


def mix64_array(words: np.ndarray) -> np.ndarray:
    """`mix64` of each uint64 of an array."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(words ^ (words >> np.uint64(31)))
