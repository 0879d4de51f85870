"""Permutations of any number of things that are computed where they are asked for, never stored.

A Feistel network on as many bits as the number needs, walked until it comes back below it.

Source: Black & Rogaway 2002, "Ciphers with arbitrary finite domains" (cycle walking).
"""

from __future__ import annotations

import numpy as np

from adfast.random_streams import keys_at, stream_keys

ROUNDS = 8


def permuted(indices: np.ndarray, count: int, purpose: int, stream: int) -> np.ndarray:
    """int64 `[N]`: where a permutation of 0 .. `count` - 1 puts each of `indices`.

    Each stream of a purpose has a permutation of its own for each `count`.
    """
    half = max(1, -(-(count - 1).bit_length() // 2))  # bits of one side
    words = stream_keys(0, purpose, stream * ROUNDS + np.arange(ROUNDS))
    placed = np.array(indices, np.uint64)
    walking = np.arange(len(placed))
    while walking.size:
        placed[walking] = mixed(placed[walking], half, words)
        walking = walking[placed[walking] >= count]
    return placed.astype(np.int64)


def mixed(numbers: np.ndarray, half: int, words: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """uint64 `[N]`: a permutation of the numbers of 2 * `half` bits."""
    mask = np.uint64((1 << half) - 1)
    left, right = numbers >> np.uint64(half), numbers & mask
    for offset, other in zip(*words, strict=True):
        keys = keys_at(offset, other, right.astype(np.uint32))
        left, right = right, left ^ (keys.astype(np.uint64) & mask)
    return (left << np.uint64(half)) | right
