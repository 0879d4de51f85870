"""What makes the variants of gridworlds: numbers, and what is put around a family's functions.

A key's upper 16 bits draw slips, its lower 16 the noise, so that all that both can come to is
counted out.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import int32, uint32
from numba.extending import register_jitable

from adfast.random_draws import bounded, step_key
from adfast.tasks.compiled.components import selector
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely

ACTION_BITS = 3  # of a packed permutation, for what each action does
MAX_PERMUTED_ACTIONS = 2**ACTION_BITS
MAX_SLIPS = 64
SLIPPERY_WAYS = 3  # at a right angle, ahead, at the other right angle
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


def with_drawn_goals(
    reset: Callable[..., Any], goals_of: Callable[..., Any], size: int, words: int, every: int
) -> Callable[..., Any]:
    """`reset` whose state ends with the goals: the first `size` columns of the task, then drawn.

    Every `every` episodes `goals_of` draws others, from the stream in columns `words` on.
    """
    select = selector(size)

    @register_jitable
    def reset_with_goals(task: Any, episode: Any, key: Any) -> Any:
        period = uint32(uint32(episode) // uint32(every))
        drawn = goals_of(step_key(uint32(task[words]), uint32(task[words + 1]), period))
        goals = select(period == uint32(0), task[:size], drawn)
        return (*reset(goals, episode, key), *goals)

    return reset_with_goals


def without_goals(observe: Callable[..., Any], size: int) -> Callable[..., Any]:
    """`observe` of the first `size` components of a state that ends with the goals."""

    @register_jitable
    def observe_plain_state(task: Any, state: Any) -> Any:
        return observe(state[size:], state[:size])

    return observe_plain_state


def with_goals_in_state(step: Callable[..., Any], size: int) -> Callable[..., Any]:
    """`step` whose task is what follows the first `size` components of the state."""

    @register_jitable
    def step_to_goals(task: Any, state: Any, action: Any, key: Any) -> Any:
        after, reward, terminated = step(state[size:], state[:size], action, key)
        return (*after, *state[size:]), reward, terminated

    return step_to_goals


def component(index: int) -> Callable[..., Any]:
    """The function `task -> task[index]`."""

    @register_jitable
    def read(task: Any) -> Any:
        return int32(task[index])

    return read


def constant(value: int) -> Callable[..., Any]:
    """The function `task -> value`."""

    @register_jitable
    def give(task: Any) -> Any:
        return int32(value)

    return give


def with_slips(
    step: Callable[..., Any], num_actions: int, slip_of: Callable[..., Any]
) -> Callable[..., Any]:
    """`step` by any move at all in `slip_of(task)` of 65,536 cases."""

    @register_jitable
    def step_or_slip(task: Any, state: Any, action: Any, key: Any) -> Any:
        draw = uint32(uint32(key) >> uint32(16))
        other = int32(uint32(draw % uint32(num_actions)))
        move = other if int32(draw) < slip_of(task) else int32(action)
        return step(task, state, move, key)

    return step_or_slip


def with_permutation(step: Callable[..., Any], column: int) -> Callable[..., Any]:
    """`step` by the move that the packed permutation in a column of the task has for an action."""

    @register_jitable
    def step_permuted(task: Any, state: Any, action: Any, key: Any) -> Any:
        places = int32(int32(action) * int32(ACTION_BITS))
        move = int32(int32(int32(task[column]) >> places) & int32(2**ACTION_BITS - 1))
        return step(task, state, move, key)

    return step_permuted


def with_noise(step: Callable[..., Any], share: int) -> Callable[..., Any]:
    """`step` whose reward is one more, or one less, in `share` of 65,536 cases each."""

    @register_jitable
    def noisy_step(task: Any, state: Any, action: Any, key: Any) -> Any:
        after, reward, terminated = step(task, state, action, key)
        draw = int32(uint32(key) & uint32(0xFFFF))
        more = int32(draw < int32(share))
        less = int32(int32(draw < int32(2 * share)) - more)
        return after, int32(int32(reward) + int32(more - less)), terminated

    return noisy_step


def slippery_outcomes(is_slippery: bool) -> Outcomes:
    """A key for each way that `slippery_direction` may go."""
    if not is_slippery:
        return CERTAIN
    return equally_likely(SLIPPERY_WAYS, lambda keys: bounded(keys, SLIPPERY_WAYS))


def slippery_direction(is_slippery: bool) -> Callable[..., Any]:
    """The function `(action, key) -> move` of four moves in the order of their angles.

    Where it is slippery, a move goes where it is meant to or at a right angle to it, with a third
    each, as in Gymnasium.
    """
    if is_slippery:

        @register_jitable
        def direction(action: Any, key: Any) -> Any:
            turned = int32(int32(action) + int32(bounded(key, SLIPPERY_WAYS)))
            return int32(turned + int32(3)) & int32(3)

    else:

        @register_jitable
        def direction(action: Any, key: Any) -> Any:
            return int32(action)

    return direction
