"""Draws from random streams, as the scalar functions that compiled loops are closures over.

What a stream and a key are is said in `random_streams`, whose array forms compute the same.
Integers are uint32 arithmetic, which vectorises; called from plain Python, NumPy would warn of the
overflow that is meant. Real numbers come of additions, multiplications, divisions and square roots
alone, each of which every machine rounds alike: no library's logarithm does.

Source: Marsaglia & Bray 1964 (normal numbers), Marsaglia & Tsang 2000 (gamma numbers).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import float64, uint32, uint64
from numba.extending import intrinsic, overload, register_jitable

from adfast.random_streams import GOLDEN_32, GOLDEN_64

LOG_2 = 0.6931471805599453
SQRT_HALF = 0.7071067811865476


def product32(a: Any, b: Any) -> Any:
    """The product of two uint32 modulo 2**32.

    Compiled, it is an instruction of 32 bits. Numba multiplies in 64, which LLVM does not narrow
    everywhere, and which takes twice the registers and three times as long.
    """
    return uint32(a * b)


def multiply_32_bits(typingctx: Any, a: Any, b: Any) -> Any:
    """The type and the instruction of `product32`, as Numba's `intrinsic` wants them."""
    return uint32(uint32, uint32), lambda _, builder, signature, values: builder.mul(*values)


compiled_product32: Any = intrinsic(multiply_32_bits)


@overload(product32)
def compile_product32(a: Any, b: Any) -> Callable[..., Any]:
    """What compiled code does for `product32`."""

    def multiply(a: Any, b: Any) -> Any:
        return compiled_product32(a, b)

    return multiply


@register_jitable
def mix32(word: Any) -> Any:
    """The uint32 `word` with every input bit spread over every output bit (lowbias32)."""
    word = uint32(word)
    word = uint32(word ^ uint32(word >> uint32(16)))
    word = product32(word, uint32(0x7FEB352D))
    word = uint32(word ^ uint32(word >> uint32(15)))
    word = product32(word, uint32(0x846CA68B))
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


@register_jitable
def unit(key: Any) -> Any:
    """A float64 between 0 and 1, neither of which it is: the middle of one of 2**32 intervals."""
    return (float64(uint32(key)) + 0.5) * 2.0**-32


@register_jitable
def logarithm(value: Any) -> Any:
    """The natural logarithm of a float64 above 0, to about its last bit."""
    fraction, exponent = math.frexp(value)
    if fraction < SQRT_HALF:
        fraction, exponent = 2.0 * fraction, exponent - 1
    # log(f) = 2 artanh(s), |s| < 0.172: eleven terms of its series.
    s = (fraction - 1.0) / (fraction + 1.0)
    square = s * s
    series = 1.0 / 21.0
    for denominator in range(19, 0, -2):
        series = series * square + 1.0 / denominator
    return exponent * LOG_2 + 2.0 * s * series


@register_jitable
def normal(key: Any) -> Any:
    """A normal float64 of mean 0 and variance 1, by the polar method."""
    index = uint32(0)
    while True:
        x = 2.0 * unit(subkey(key, index)) - 1.0
        y = 2.0 * unit(subkey(key, uint32(index + uint32(1)))) - 1.0
        square = x * x + y * y
        if square < 1.0:
            return x * math.sqrt(-2.0 * logarithm(square) / square)
        index = uint32(index + uint32(2))


@register_jitable
def gamma(shape: Any, key: Any) -> Any:
    """A gamma float64 of `shape`, which is at least 1, and scale 1."""
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    index = uint32(0)
    while True:
        word = subkey(key, index)
        x = normal(subkey(word, 0))
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            level = unit(subkey(word, 1))
            square = x * x
            if level < 1.0 - 0.0331 * square * square:
                return d * v
            if logarithm(level) < 0.5 * square + d * (1.0 - v + logarithm(v)):
                return d * v
        index = uint32(index + uint32(1))


@register_jitable
def beta(successes: Any, failures: Any, key: Any) -> Any:
    """A beta float64 of these two shapes, each at least 1."""
    x = gamma(successes, subkey(key, 0))
    return x / (x + gamma(failures, subkey(key, 1)))
