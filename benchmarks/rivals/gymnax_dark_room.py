"""Dark Room written for gymnax: many environments under vmap, many steps under scan, one thread.

Axes: T steps, E environments.
"""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from gymnax.environments import environment

from benchmarks.contest import require_equal
from benchmarks.engine import DarkRoom
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import Rival
from benchmarks.rivals.twins import twin_room

MOVES = jnp.array([(0, 0), (-1, 0), (0, 1), (1, 0), (0, -1)], jnp.int8)


@struct.dataclass
class State(environment.EnvState):
    """The cell."""

    cell: Any


@struct.dataclass
class Parameters(environment.EnvParams):
    """The goal, which is what varies from task to task."""

    goal: Any = None


class GymnaxDarkRoom(environment.Environment):
    """Dark Room with its default options."""

    def __init__(self, size: int, episode_length: int) -> None:
        self.size = size
        self.episode_length = episode_length

    def step_env(self, key: Any, state: Any, action: Any, params: Any) -> Any:
        """Observation, state, reward, terminated and info."""
        cell = jnp.clip(state.cell + MOVES[action], 0, self.size - 1)
        reward = jnp.all(cell == params.goal).astype(jnp.uint8)
        after = State(time=state.time + 1, cell=cell)
        return cell.astype(jnp.uint8), after, reward, jnp.array(False), {}

    def reset_env(self, key: Any, params: Any) -> Any:
        """Observation and state in the centre."""
        cell = jnp.full(2, self.size // 2, jnp.int8)
        return cell.astype(jnp.uint8), State(time=0, cell=cell)

    def is_truncated(self, state: Any, params: Any) -> Any:
        """Whether the episode is as long as it gets."""
        return state.time >= self.episode_length


def step_rival(family: DarkRoom, task_ids: np.ndarray, actions: np.ndarray) -> Rival:
    """Steps with `actions` uint8 `[T, E]`, which returns what each step led to."""
    made = GymnaxDarkRoom(family.size, family.episode_length)
    goals = jnp.array(family.task_parameters(task_ids), jnp.int8)
    parameters = Parameters(goal=goals)
    axes = Parameters(max_steps_in_episode=None, goal=0)
    keys = jax.random.split(jax.random.key(0), len(task_ids))
    step_all = jax.vmap(made.step, in_axes=(None, 0, 0, axes))
    _, begin = jax.vmap(made.reset, in_axes=(0, axes))(keys, parameters)

    @jax.jit
    def roll(states: Any, chosen: Any) -> Any:
        def one(states: Any, actions_E: Any) -> Any:
            observation, states, reward, terminated, truncated, info = step_all(
                keys[0], states, actions_E, parameters
            )
            return states, (observation, reward, terminated, truncated, info["final_observation"])

        return jax.lax.scan(one, states, chosen)

    chosen = jnp.array(actions, jnp.uint8)
    states = [begin]

    def call() -> None:
        states[0], results = roll(states[0], chosen)
        jax.block_until_ready(results)

    def check() -> None:
        rows = (np.asarray(row) for row in roll(begin, chosen)[1])
        observation, reward, _, truncated, final = rows
        for environment_index in range(min(len(task_ids), 100)):
            room = twin_room(family.name)(int(task_ids[environment_index]))
            now = room.reset()
            for t, action in enumerate(actions[:, environment_index]):
                now, paid, _, ended = room.step(int(action))
                require_equal("gymnax: final observation", final[t, environment_index], now)
                require_equal("gymnax: reward", reward[t, environment_index], paid)
                require_equal("gymnax: truncated", truncated[t, environment_index], ended)
                now = room.reset() if ended else now
                require_equal("gymnax: observation", observation[t, environment_index], now)

    return Rival(Contender("gymnax, vmap and scan", call, actions.size), check)
