"""Steering: the walk of somebody who knows where the platform lies.

Each step is the one that ends nearest to it. Six of the eight actions walk, in directions of which
one leads at most 54 degrees past the platform, so every step comes nearer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import int32, uint32
from numba.extending import register_jitable

from adfast.machine.compiled_code import compiled
from adfast.tasks.mazes.arena import ACTIONS

if TYPE_CHECKING:
    from adfast.tasks.mazes.water_maze import WaterMaze

NUM_ACTIONS = len(ACTIONS)


def steering(move: Callable[..., Any]) -> Callable[..., Any]:
    """The pure function `(task, state) -> action`: the first that ends nearest to the platform."""

    @register_jitable
    def steer(task: Any, state: Any) -> Any:
        best, least = int32(0), int32(2**31 - 1)
        for action in range(NUM_ACTIONS):
            x, y, _ = move(state[0], state[1], state[2], int32(action))
            east, north = int32(x - task[0]), int32(y - task[1])
            squared = int32(int32(east * east) + int32(north * north))
            if squared < least:
                best, least = int32(action), squared
        return best

    return steer


def steps_to_platform(family: WaterMaze, task_ids: np.ndarray) -> np.ndarray:
    """int64 `[N, starts]`: steps until `steer` is paid; beyond the episode where it is not."""
    keys = np.array([key for key, _ in family.starts], np.uint32)
    tasks = family.task_parameters(task_ids)
    steps = np.empty((len(tasks), len(keys)), np.int64)
    compile_walk(family)(tasks, keys, steps)
    return steps


@cache
def compile_walk(family: WaterMaze) -> Callable[..., Any]:
    """The compiled walk of one episode in each task from each start."""
    reset, step, steer = family.reset, family.step, family.steer
    episode_length, stamp = family.episode_length, family.source_hash

    @compiled
    def walk(tasks: Any, keys: Any, steps: Any) -> None:
        _ = stamp
        for t in range(tasks.shape[0]):
            task = (tasks[t, 0], tasks[t, 1])
            for s in range(keys.shape[0]):
                state = reset(task, uint32(0), keys[s])
                count, reward = 0, int32(0)
                while reward == 0 and count <= episode_length:
                    state, reward, _ended = step(task, state, steer(task, state), uint32(0))
                    count += 1
                steps[t, s] = count

    return walk
