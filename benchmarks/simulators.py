"""Contests of the simulators: compiled batches against the plain-Python twins.

Legend: E environments.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from adfast import tasks
from adfast.simulators import BatchSimulator
from adfast.simulators.random_rollout import random_returns
from benchmarks.contest import Contest, require_equal, require_same_mean
from benchmarks.pair_timer import Contender
from benchmarks.rivals.twins import twin_environment, twin_room

# Timed in whole episodes, so that every block has its share of resets. The subject's are as many as
# make its block long against the clock, the rival's one, which is long enough.
SUBJECT_EPISODES = 4


@contextmanager
def step(family: str, num_environments: int) -> Iterator[Contest]:
    """`BatchSimulator` against the twin under Gymnasium's SyncVectorEnv; both reuse outputs."""
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    twin = twin_environment(family)
    simulator = BatchSimulator(made, task_ids, seed=0, copy=False)
    environments = SyncVectorEnv(
        [partial(twin, task_id=int(task_id)) for task_id in task_ids],
        copy=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    subject_steps, rival_steps = SUBJECT_EPISODES * made.episode_length, made.episode_length
    actions = np.random.default_rng(0).integers(
        made.num_actions, size=(subject_steps, num_environments)
    )

    def steps(step_all: Any, count: int) -> None:
        for chosen in actions[:count]:
            step_all(chosen)

    def check() -> None:
        observation, _ = environments.reset(seed=0)
        require_equal("observation", simulator.reset(), observation)
        for chosen in actions[: made.episode_length + 2]:
            names = ("observation", "reward", "terminated", "truncated")
            expected = environments.step(chosen)
            for name, values, rival in zip(names, simulator.step(chosen), expected, strict=False):
                require_equal(name, values, rival)

    yield Contest(
        Contender(
            "BatchSimulator",
            partial(steps, simulator.step, subject_steps),
            subject_steps * num_environments,
        ),
        (
            Contender(
                "Gymnasium SyncVectorEnv",
                partial(steps, environments.step, rival_steps),
                rival_steps * num_environments,
            ),
        ),
        check,
    )
    environments.close()


@contextmanager
def random_rollout(family: str, num_environments: int, episodes: int) -> Iterator[Contest]:
    """The fused random policy against a plain-Python loop over the twin."""
    made = tasks.make(family)
    task_ids = np.arange(num_environments) % made.num_tasks
    rooms = cycle([twin_room(family)(int(task_id)) for task_id in range(made.num_tasks)])
    uniform = random.Random(0).random
    num_actions = made.num_actions

    def rival_return() -> float:
        room = next(rooms)
        room.reset()
        total, done = 0, False
        while not done:
            _, reward, terminated, truncated = room.step(int(uniform() * num_actions))
            total += reward
            done = terminated or truncated
        return total

    def check() -> None:
        expected = np.array([rival_return() for _ in range(50 * made.num_tasks)])
        returns = random_returns(made, np.repeat(np.arange(made.num_tasks), 50), episodes=20)
        require_same_mean("return", returns.ravel(), expected)

    yield Contest(
        Contender(
            "random_returns",
            lambda: random_returns(made, task_ids, episodes),
            num_environments * episodes * made.episode_length,
        ),
        (Contender("plain Python", rival_return, made.episode_length),),
        check,
    )
