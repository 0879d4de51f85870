"""Plain-integer twin of `adfast.random_streams`, written from the algorithms' definitions."""

from __future__ import annotations

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
