"""The numbers behind the variants of gridworlds: permutations of actions, and what chance does.

A key's upper 16 bits draw slips, its lower 16 the noise, so that all that both can come to is
counted out.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from adfast.tasks.compiled.outcomes import Outcomes

ACTION_BITS = 3  # of a packed permutation, for what each action does
MAX_PERMUTED_ACTIONS = 2**ACTION_BITS
MAX_SLIPS = 64
DRAWS = 2**16
# What holds a reward that noise may lower, by what holds the plain one; plain rewards of uint8 and
# int8 are far from its limits in every gridworld.
SIGNED = {"uint8": "int8", "int8": "int8", "uint16": "int32", "int16": "int32", "int32": "int32"}


def of_65536(probability: float) -> int:
    """How many of 2**16 draws have the probability; none only where it is 0."""
    return max(round(probability * DRAWS), int(probability > 0))


@cache
def permutations_of(num_actions: int) -> np.ndarray:
    """int64 `[num_actions!, num_actions]`: all of them, the identity first."""
    return np.array(list(itertools.permutations(range(num_actions))))


def packed(permutations: np.ndarray) -> np.ndarray:
    """int32 `[N]`: bits 3a .. 3a + 2 say what action a does."""
    places = ACTION_BITS * np.arange(permutations.shape[1])
    return np.asarray((permutations << places).sum(axis=1), np.int32)


def slip_outcomes(slips: tuple[float, ...], num_actions: int) -> Outcomes:
    """A key for each set of tasks that slip by it and the move that it draws."""
    draws = np.arange(DRAWS)
    limits = np.sort([of_65536(slip) for slip in slips])
    slipping = len(limits) - np.searchsorted(limits, draws, side="right")
    moves = np.where(slipping > 0, draws % num_actions, 0)
    _, first, counts = np.unique(
        slipping * num_actions + moves, return_index=True, return_counts=True
    )
    return tuple(
        (int(draw) << 16, int(count) / DRAWS)
        for draw, count in sorted(zip(first, counts, strict=True))
    )


def combined_outcomes(moves: Outcomes, reward_noise: float) -> Outcomes:
    """`moves`, whose keys differ in their upper bits, with every noise of the reward."""
    share = of_65536(reward_noise / 2)
    if not share:
        return moves
    noises = [(0, share), (share, share), (2 * share, DRAWS - 2 * share)]
    upper = DRAWS - 1 << 16
    return tuple(
        (key & upper | draw, probability * count / DRAWS)
        for key, probability in moves
        for draw, count in noises
        if count
    )
