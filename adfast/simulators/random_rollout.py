"""The uniformly random policy, fused with the simulator: no action or observation leaves it.

It is the reference below every learner, and the fastest that a family runs here.

Legend: E environments, S state components, P task parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import float32, uint8, uint32, uint64

from adfast.compiled_code import compiled
from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, step_key
from adfast.random_streams import (
    ENVIRONMENT_RESET,
    ENVIRONMENT_STEP,
    RANDOM_POLICY,
    as_streams,
    stream_keys,
)
from adfast.simulators.components import column_reader, column_writer
from adfast.simulators.step_loops import source_stamp
from adfast.tasks.family import TaskFamily
from adfast.values import as_count

TILE = 1024  # environments whose arrays stay in the first-level cache from step to step


def random_returns(
    family: TaskFamily, task_ids: Any, episodes: int, seed: int = 0, random_streams: Any = None
) -> np.ndarray:
    """float64 `[E, episodes]`: the returns of uniformly random actions in each of `task_ids`.

    `random_streams` defaults to 0 .. E - 1. Raises `InvalidArgument` for fewer than one episode.
    """
    episodes = as_count("episodes", episodes)
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
    for first in range(0, count, TILE):
        tile = slice(first, first + TILE)
        rollout(
            np.ascontiguousarray(task[:, tile]),
            np.ascontiguousarray(keys[:, tile]),
            np.empty((family.state_size, TILE), np.int32),
            np.empty(TILE, np.uint8),
            np.empty(TILE, np.float32),
            returns[tile],
        )
    return returns


@cache
def compile_random_rollout(family: TaskFamily) -> Callable[..., None]:
    """The loop `(task [P, E], keys uint32 [6, E], state, alive, total, returns [E, episodes])`.

    The keys are the offset and mask of the reset, step and policy streams. State (int32 [S, E]),
    alive (uint8 [E]) and total (float32 [E]) are scratch.
    """
    stamp = source_stamp(family)
    reset, step = family.reset, family.step
    num_actions, episode_length = family.num_actions, family.episode_length
    read_task = column_reader(family.task_size)
    read_state, write_state = column_reader(family.state_size), column_writer(family.state_size)

    @compiled
    def rollout(task: Any, keys: Any, state: Any, alive: Any, total: Any, returns: Any) -> None:
        _ = stamp
        count, num_episodes = uint64(returns.shape[0]), uint64(returns.shape[1])
        for episode in range(num_episodes):
            for e in range(count):
                key = step_key(keys[uint64(0), e], keys[uint64(1), e], episode)
                write_state(state, e, reset(read_task(task, e), key))
                alive[e] = uint8(1)
                total[e] = float32(0.0)
            for t in range(uint64(episode_length)):
                clock = uint32(episode * uint64(episode_length) + t)
                for e in range(count):
                    key = step_key(keys[uint64(4), e], keys[uint64(5), e], clock)
                    action = uint8(bounded(key, num_actions))
                    key = step_key(keys[uint64(2), e], keys[uint64(3), e], clock)
                    after, paid, terminated = step(
                        read_task(task, e), read_state(state, e), action, key
                    )
                    write_state(state, e, after)
                    total[e] = float32(total[e] + float32(float32(paid) * float32(alive[e])))
                    alive[e] = uint8(alive[e] & uint8(terminated == 0))
            for e in range(count):
                returns[e, episode] = total[e]

    return rollout
