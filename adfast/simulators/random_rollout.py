"""The uniformly random policy, fused with the simulator: no action or observation leaves it.

It is the reference below every learner, and the fastest that a family runs here.

Legend: E environments, S state components, P task parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

import numpy as np
from numba import from_dtype, int64, uint8, uint32, uint64
from numba.core.errors import NumbaError

from adfast.errors import InvalidArgument
from adfast.machine.compiled_code import compiled
from adfast.random_draws import bounded, step_key
from adfast.random_streams import (
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    RANDOM_POLICY,
    as_streams,
    stream_keys,
)
from adfast.simulators.step_loops import BROKEN, source_stamp
from adfast.tasks.checked_calls import (
    checked_reset,
    checked_step,
    refuse_unexplained,
    uncompilable,
)
from adfast.tasks.compiled.components import column_reader, column_writer
from adfast.tasks.compiled.family_functions import family_functions
from adfast.tasks.compiled.schema_guards import dtype_guard, tuple_guard
from adfast.tasks.family import TaskFamily
from adfast.values import as_count

TILE = 1024  # environments whose arrays stay in the first-level cache from step to step


def random_returns(
    family: TaskFamily, task_ids: Any, episodes: int, seed: int = 0, random_streams: Any = None
) -> np.ndarray:
    """float64 `[E, episodes]`: the returns of uniformly random actions in each of `task_ids`.

    `random_streams` defaults to 0 .. E - 1. Raises `InvalidArgument` for fewer than one episode,
    and for a family that leaves its schema or whose observations are not counted.
    """
    episodes = as_count("episodes", episodes)
    # No loop of such a family can write what it observes, and this one does not even observe.
    family.transition_schema.observation.compiled_sizes(family.name)
    task = np.ascontiguousarray(family.task_parameters(task_ids).T)
    count = task.shape[1]
    streams = np.arange(count) if random_streams is None else random_streams
    streams = as_streams("random_streams", streams)
    if streams.shape != (count,):
        raise InvalidArgument(
            f"random_streams must have one entry for each of the {count} task_ids, "
            f"got shape {streams.shape}"
        )
    purposes = (ENVIRONMENT_RESET, ENVIRONMENT_STEP, RANDOM_POLICY)
    keys = np.stack([word for p in purposes for word in stream_keys(seed, p, streams)])
    rollout = compile_random_rollout(family)
    returns = np.empty((count, episodes))
    state = np.empty((family.state_size, TILE), np.int32)
    alive = np.empty(TILE, np.uint8)
    total = np.empty(TILE, total_dtype(family))
    for first in range(0, count, TILE):
        tile = slice(first, first + TILE)
        arrays = np.ascontiguousarray(task[:, tile]), np.ascontiguousarray(keys[:, tile])
        try:
            broken = rollout(*arrays, state, alive, total, returns[tile])
        except NumbaError as error:
            raise uncompilable(family, error) from error
        if broken >= 0:
            e = first + int(np.argmax(alive >= BROKEN))
            explain(family, int(np.asarray(task_ids)[e]), keys[:, e], broken)
    return returns


def explain(family: TaskFamily, task_id: int, keys: np.ndarray, episode: int) -> NoReturn:
    """Raise the `InvalidArgument` for an episode that left the schema, by playing it again."""
    with np.errstate(over="ignore"):  # random draws wrap round
        state = checked_reset(family, task_id, episode, step_key(keys[0], keys[1], episode))
        for step in range(episode * family.episode_length, (episode + 1) * family.episode_length):
            action = int(bounded(step_key(keys[4], keys[5], step), family.num_actions))
            key = step_key(keys[2], keys[3], step)
            state, _, terminated = checked_step(family, task_id, state, action, key)
            if terminated:
                break
    refuse_unexplained(family, task_id)


@cache
def compile_random_rollout(family: TaskFamily) -> Callable[..., int]:
    """The loop `(task [P, E], keys uint32 [6, E], state, alive, total, returns [E, episodes])`.

    The keys are the offset and mask of the reset, step and policy streams. State (int32 [S, E]),
    alive (uint8 [E]) and total (`total_dtype` [E]) are scratch. Returns -1, or the episode in which
    an environment left the family's schema; its `alive` is then at least `BROKEN`.
    """
    stamp = source_stamp(family)
    reset, step, _ = family_functions(family)
    num_actions, episode_length = family.num_actions, family.episode_length
    is_no_state = tuple_guard(family.state_sizes)
    is_no_reward, narrow_reward = dtype_guard(family.transition_schema.reward_dtype)
    number = from_dtype(total_dtype(family))
    read_task = column_reader(family.task_size)
    read_state, write_state = column_reader(family.state_size), column_writer(family.state_size)

    @compiled
    def rollout(task: Any, keys: Any, state: Any, alive: Any, total: Any, returns: Any) -> Any:
        _ = stamp
        count, num_episodes = uint64(returns.shape[0]), uint64(returns.shape[1])
        for episode in range(num_episodes):
            for e in range(count):
                key = step_key(keys[uint64(0), e], keys[uint64(1), e], episode)
                start = reset(read_task(task, e), uint32(episode), key)
                write_state(state, e, start)
                alive[e] = uint8(BROKEN) if is_no_state(start) else uint8(1)
                total[e] = number(0)
            for t in range(uint64(episode_length)):
                clock = uint32(episode * uint64(episode_length) + t)
                for e in range(count):
                    key = step_key(keys[uint64(4), e], keys[uint64(5), e], clock)
                    action = uint8(bounded(key, num_actions))
                    key = step_key(keys[uint64(2), e], keys[uint64(3), e], clock)
                    after, paid, ended = step(read_task(task, e), read_state(state, e), action, key)
                    write_state(state, e, after)
                    earned = number(narrow_reward(paid)) if alive[e] else number(0)
                    total[e] = number(total[e] + earned)
                    is_broken = uint8(alive[e] & uint8(is_no_state(after) | is_no_reward(paid)))
                    stays = uint8(uint8(ended == 0) | uint8(BROKEN))
                    alive[e] = uint8(uint8(alive[e] & stays) | uint8(is_broken * uint8(BROKEN)))
            marks = uint8(0)
            for e in range(count):
                marks |= alive[e]
                returns[e, episode] = total[e]
            if marks >= uint8(BROKEN):
                return int64(episode)
        return int64(-1)

    return rollout


def total_dtype(family: TaskFamily) -> np.dtype[Any]:
    """float32 where it adds up an episode's rewards exactly, else float64."""
    schema = family.transition_schema
    is_exact = schema.has_counted_rewards and family.episode_length <= 65536
    return np.dtype(np.float32 if is_exact else np.float64)
