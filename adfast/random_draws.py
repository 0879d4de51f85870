"""Draws from random streams, as the scalar functions that compiled loops are closures over.

What a stream and a key are is said in `random_streams`, whose array forms compute the same.
Everything is uint32 arithmetic, which vectorises; called from plain Python, NumPy would warn of the
overflow that is meant.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import uint32, uint64
from numba.extending import register_jitable

from adfast.random_streams import GOLDEN_32, GOLDEN_64


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
