"""Plain-integer twin of `adfast.random_streams`, written from the algorithms' definitions."""

from __future__ import annotations

import itertools
import math

WORD_32 = 2**32 - 1
WORD_64 = 2**64 - 1
GOLDEN_32 = 0x9E3779B9
GOLDEN_64 = 0x9E3779B97F4A7C15

ENVIRONMENT_RESET, ENVIRONMENT_STEP, BEHAVIOUR, RANDOM_POLICY = 2, 3, 4, 6
TASK_CONTENT = 10


def mix32(word: int) -> int:
    word ^= word >> 16
    word = word * 0x7FEB352D & WORD_32
    word ^= word >> 15
    word = word * 0x846CA68B & WORD_32
    return word ^ word >> 16


def mix64(word: int) -> int:
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & WORD_64
    word = (word ^ word >> 27) * 0x94D049BB133111EB & WORD_64
    return word ^ word >> 31


def stream_key(seed: int, purpose: int, random_stream: int) -> tuple[int, int]:
    word = 0
    for part in (seed, purpose, random_stream):
        word = mix64((word ^ part) + GOLDEN_64 & WORD_64)
    return word & WORD_32, word >> 32


def step_key(offset: int, mask: int, step: int) -> int:
    return mix32((step + offset) * GOLDEN_32 & WORD_32 ^ mask)


def subkey(key: int, index: int) -> int:
    return mix32(key + (index + 1) * GOLDEN_32 & WORD_32)


def bounded(key: int, bound: int) -> int:
    return key * bound >> 32


def uniform(key: int) -> float:
    return (key >> 8) * 2.0**-24


def unit(key: int) -> float:
    return (key + 0.5) * 2.0**-32


def logarithm(value: float) -> float:
    fraction, exponent = math.frexp(value)
    if fraction < math.sqrt(0.5):
        fraction, exponent = 2 * fraction, exponent - 1
    s = (fraction - 1) / (fraction + 1)
    series = 0.0
    for k in reversed(range(11)):
        series = series * (s * s) + 1 / (2 * k + 1)
    return exponent * math.log(2) + 2 * s * series


def normal(key: int) -> float:
    for index in itertools.count(0, 2):
        x, y = (2 * unit(subkey(key, index + i)) - 1 for i in range(2))
        if x * x + y * y < 1:
            break
    return x * math.sqrt(-2 * logarithm(x * x + y * y) / (x * x + y * y))


def gamma(shape: float, key: int) -> float:
    d = shape - 1 / 3
    for index in itertools.count():
        word = subkey(key, index)
        x, level = normal(subkey(word, 0)), unit(subkey(word, 1))
        v = 1 + 1 / math.sqrt(9 * d) * x
        if v <= 0:
            continue
        v = v * v * v
        if level < 1 - 0.0331 * (x * x) * (x * x):
            return d * v
        if logarithm(level) < 0.5 * (x * x) + d * (1 - v + logarithm(v)):
            return d * v
    raise AssertionError


def beta(successes: float, failures: float, key: int) -> float:
    x = gamma(successes, subkey(key, 0))
    return x / (x + gamma(failures, subkey(key, 1)))
