"""How many bits a task has left after the first reward, for who saw what random actions brought.

The prior is uniform over the tasks. The uniformly random policy acts in one of them, episode after
episode, until a step pays something other than 0. Then every task is as probable as it makes all
that was seen: observations, rewards and ends. The bits left are the entropy of these probabilities.
Where an episode begins is taken to be known of every task; what chance does in steps is not, and is
summed over, by the family's `outcomes`.

Legend: T tasks, P task parameters, H histories, M states that a task may be in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import uint8, uint32, uint64
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.random_draws import bounded, step_key
from adfast.random_streams import (
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    RANDOM_POLICY,
    TASK_CONTENT,
    keys_at,
    stream_keys,
)
from adfast.simulators.step_loops import source_stamp
from adfast.tasks.compiled.components import column_reader, mixed_radix, mixed_radix_inverse
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.planning import finite_outcomes
from adfast.tasks.family import TaskFamily

MAX_CANDIDATES = 2**14  # tasks that are compared with what was seen
MAX_SUPPORT = 16  # states that one task may be in, given what was seen
MAX_EPISODES = 1000  # a history without a reward is over then
TOO_MANY = -1.0


def bits_left(family: TaskFamily, histories: int, seed: int = 0) -> np.ndarray | None:
    """float64 `[H]`: the bits that each history leaves; None where they cannot be counted.

    History h is of a task drawn by h, and is what `random_returns` plays in random stream h. Of
    more than 2**14 tasks so many are compared, the task among them, and stand for all.
    """
    if family.outcomes is None:
        return None
    streams = np.arange(histories)
    drawn = keys_at(*stream_keys(seed, TASK_CONTENT, streams), np.zeros(histories, np.uint32))
    own = (drawn.astype(np.uint64) * np.uint64(family.num_tasks) >> np.uint64(32)).astype(np.int64)
    purposes = (ENVIRONMENT_RESET, ENVIRONMENT_STEP, RANDOM_POLICY)
    keys = np.stack([word for p in purposes for word in stream_keys(seed, p, streams)])
    candidates = spread(family.num_tasks)
    tasks = np.ascontiguousarray(family.task_parameters(candidates).T)
    own_tasks = np.ascontiguousarray(family.task_parameters(own).T)
    count = len(candidates)
    states = np.empty((count, MAX_SUPPORT), np.uint64)
    weights = np.empty((count, MAX_SUPPORT))
    sizes, alive = np.empty(count, np.uint8), np.empty(count, np.uint64)
    loop = compile_loop(family)
    left = np.empty(histories)
    for h in range(histories):
        place = int(np.searchsorted(candidates, own[h]))
        place = min(place, count - 1)
        tasks_now = tasks
        if candidates[place] != own[h]:
            tasks_now = tasks.copy()
            tasks_now[:, place] = own_tasks[:, h]
        left[h] = loop(tasks_now, place, keys[:, h], states, weights, sizes, alive)
    if (left == TOO_MANY).any():
        return None
    return left + math.log2(family.num_tasks / count)


def spread(num_tasks: int) -> np.ndarray:
    """int64: all tasks, or `MAX_CANDIDATES` of them, evenly spaced."""
    count = min(num_tasks, MAX_CANDIDATES)
    return np.arange(count, dtype=np.int64) * num_tasks // count


@cache
def compile_loop(family: TaskFamily) -> Callable[..., float]:
    """The loop `(tasks [P, T], own, keys uint32 [6], states, weights, sizes, alive) -> bits`.

    `own` is the place of the task that is played. States uint64 and weights float64 `[T, M]`, sizes
    uint8 and alive uint64 `[T]` are scratch. Returns `TOO_MANY` where a task may be in more than M
    states.
    """
    stamp = source_stamp(family)
    reset, step, observe = family_functions(family)
    num_actions, episode_length = family.num_actions, family.episode_length
    outcomes = finite_outcomes(family)
    chance_keys = np.array([key for key, _ in outcomes], np.uint32)
    chances = np.array([probability for _, probability in outcomes])
    read_task = column_reader(family.task_size)
    number_state = mixed_radix(family.state_sizes)
    state_of = mixed_radix_inverse(family.state_sizes)
    number_observation = mixed_radix(family.observation_sizes)

    @register_jitable
    def begin_all(tasks: Any, episode: Any, key: Any, seen: Any, beliefs: Any, count: Any) -> Any:
        """How many tasks may have begun so; each is in one state, of all its weight."""
        states, weights, sizes, alive = beliefs
        kept = uint64(0)
        for place in range(count):
            n = alive[place]
            task = read_task(tasks, n)
            start = reset(task, uint32(episode), key)
            if number_observation(observe(task, start)) != seen:
                continue
            weight = 0.0
            for m in range(uint64(sizes[n])):
                weight += weights[n, m]
            states[n, 0], weights[n, 0], sizes[n] = number_state(start), weight, uint8(1)
            alive[kept] = n
            kept += uint64(1)
        return kept

    @register_jitable
    def step_one(
        task: Any, n: Any, action: Any, paid: Any, ended: Any, seen: Any, beliefs: Any, then: Any
    ) -> Any:
        """Over the states that a task may be in after a step; false where these are too many."""
        states, weights, sizes, _ = beliefs
        then_states, then_weights = then
        size = uint64(0)
        for m in range(uint64(sizes[n])):
            for k in range(chances.shape[0]):
                after, reward, end = step(task, state_of(states[n, m]), action, chance_keys[k])
                if (reward != paid) | ((end != 0) != (ended != 0)):
                    continue
                if number_observation(observe(task, after)) != seen:
                    continue
                number, place = number_state(after), uint64(0)
                while place < size and then_states[place] != number:
                    place += uint64(1)
                if place == size:
                    if size == uint64(MAX_SUPPORT):
                        return False
                    then_states[place], then_weights[place] = number, 0.0
                    size += uint64(1)
                then_weights[place] += weights[n, m] * chances[k]
        sizes[n] = uint8(size)
        for m in range(size):
            states[n, m], weights[n, m] = then_states[m], then_weights[m]
        return True

    @register_jitable
    def entropy(weights: Any, sizes: Any, alive: Any, count: Any) -> Any:
        """The bits of the tasks' probabilities, which the weights are in proportion to."""
        total, logarithms = 0.0, 0.0
        for place in range(count):
            n = alive[place]
            weight = 0.0
            for m in range(uint64(sizes[n])):
                weight += weights[n, m]
            total += weight
            logarithms += weight * np.log2(weight)
        return max(np.log2(total) - logarithms / total, 0.0)

    @register_jitable
    def rescale(weights: Any, sizes: Any, alive: Any, count: Any) -> None:
        """Weights of which the greatest is 1, so that they never vanish."""
        greatest = 0.0
        for place in range(count):
            for m in range(uint64(sizes[alive[place]])):
                greatest = max(greatest, weights[alive[place], m])
        for place in range(count):
            for m in range(uint64(sizes[alive[place]])):
                weights[alive[place], m] /= greatest

    @compiled
    def play(
        tasks: Any, own: Any, keys: Any, states: Any, weights: Any, sizes: Any, alive: Any
    ) -> Any:
        _ = stamp
        beliefs = (states, weights, sizes, alive)
        then = (np.empty(MAX_SUPPORT, np.uint64), np.empty(MAX_SUPPORT))
        count = uint64(alive.shape[0])
        for n in range(count):
            alive[n], sizes[n], weights[n, 0] = n, uint8(1), 1.0
        task = read_task(tasks, uint64(own))
        for episode in range(uint64(MAX_EPISODES)):
            key = step_key(keys[0], keys[1], episode)
            state = number_state(reset(task, uint32(episode), key))
            seen = number_observation(observe(task, state_of(state)))
            count = begin_all(tasks, episode, key, seen, beliefs, count)
            for t in range(uint64(episode_length)):
                clock = uint32(episode * uint64(episode_length) + t)
                action = uint8(bounded(step_key(keys[4], keys[5], clock), num_actions))
                key = step_key(keys[2], keys[3], clock)
                after, paid, ended = step(task, state_of(state), action, key)
                state = number_state(after)
                seen = number_observation(observe(task, after))
                kept = uint64(0)
                for place in range(count):
                    n = alive[place]
                    other = read_task(tasks, n)
                    if not step_one(other, n, action, paid, ended, seen, beliefs, then):
                        return TOO_MANY
                    if sizes[n]:
                        alive[kept] = n
                        kept += uint64(1)
                count = kept
                if chances.shape[0] > 1:
                    rescale(weights, sizes, alive, count)
                if paid != 0:
                    return entropy(weights, sizes, alive, count)
                if ended:
                    break
        return entropy(weights, sizes, alive, count)

    return play
