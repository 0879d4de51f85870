"""Frozen Lake as a family of adfast, against Gymnasium's own and EnvPool's: a rival's own ground.

Each of 16 cells of a grid is start, ice, hole or goal; the ice is slippery, so that a move goes
where it is meant to, or at a right angle to it, with a third each. The random numbers differ, so
what is proven equal is how the random policy fares: returns, lengths of episodes, cells seen.

Legend: E environments, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numba import int32
from numba.extending import register_jitable

from benchmarks.contest import Contest, require_same_mean
from benchmarks.engine import BatchSimulator, TaskFamily, TransitionSchema, bounded
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import rival_of, with_rivals

SIDE = 4
HOLES = (5, 7, 11, 12)
GOAL = 15
LEFT, DOWN, RIGHT, UP = range(4)
CHECKED_ENVIRONMENTS, CHECKED_STEPS = 256, 400
TIMED_STEPS = 100

# Steps all environments with `[E]` actions: cells [E], rewards [E], whether an episode ended [E].
StepAll = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class FrozenLake(TaskFamily):
    """The map of 4 x 4, one task; an episode ends in a hole, on the goal, or after 100 steps."""

    name: ClassVar[str] = "frozen-lake"
    has_random_steps: ClassVar[bool] = True

    episode_length: int = 100

    @property
    def num_tasks(self) -> int:
        """One map."""
        return 1

    @property
    def transition_schema(self) -> TransitionSchema:
        """The cell as observation, four actions, rewards 0 or 1."""
        return TransitionSchema((SIDE * SIDE,), 4, self.episode_length, "uint8")

    @property
    def task_size(self) -> int:
        """A number that says nothing."""
        return 1

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The cell."""
        return (SIDE * SIDE,)

    @property
    def reset(self) -> Callable[..., Any]:
        """The first cell."""

        @register_jitable
        def reset(task: Any, key: Any) -> Any:
            return (int32(0),)

        return reset

    @property
    def step(self) -> Callable[..., Any]:
        """One move over slippery ice."""
        first, second, third, fourth = HOLES

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            (cell,) = state
            way = (int32(action) + int32(bounded(key, 3)) + int32(3)) & int32(3)
            row, column = cell >> int32(2), cell & int32(3)
            row += int32((way == DOWN) & (row < 3)) - int32((way == UP) & (row > 0))
            column += int32((way == RIGHT) & (column < 3)) - int32((way == LEFT) & (column > 0))
            cell = int32(row * int32(4) + column)
            reward = int32(cell == GOAL)
            in_hole = (cell == first) | (cell == second) | (cell == third) | (cell == fourth)
            return (cell,), reward, in_hole | (reward > 0)

        return step

    @property
    def observe(self) -> Callable[..., Any]:
        """The cell."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 1]` zeros."""
        return np.zeros((len(self.check_task_ids(task_ids)), 1), np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """At most 1, of the goal."""
        return np.ones(len(task_ids))


@contextmanager
def step(num_environments: int) -> Iterator[Contest]:
    """`BatchSimulator` of the family against `SyncVectorEnv`, and EnvPool where it is installed."""
    actions = np.random.default_rng(0).integers(4, size=(TIMED_STEPS, num_environments))

    def steps(step_all: StepAll) -> None:
        for chosen in actions:
            step_all(chosen)

    def check() -> None:
        with lakes_of_gymnasium(CHECKED_ENVIRONMENTS) as rival:
            require_same_episodes("Gymnasium", rival)

    subject = lakes_of_adfast(num_environments)
    with lakes_of_gymnasium(num_environments) as rival:
        contest = Contest(
            Contender("BatchSimulator", partial(steps, subject), actions.size),
            (Contender("Gymnasium SyncVectorEnv", partial(steps, rival), actions.size),),
            check,
        )
        yield with_rivals(contest, rival_of("envpool", "envpool_frozen_lake.step_rival", actions))


def lakes_of_adfast(num_environments: int) -> StepAll:
    """Reset and ready to step."""
    simulator = BatchSimulator(FrozenLake(), np.zeros(num_environments, int), copy=False)
    simulator.reset()

    def step_all(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        result = simulator.step(actions)
        return result.observation[:, 0], result.reward, result.terminated | result.truncated

    return step_all


@contextmanager
def lakes_of_gymnasium(num_environments: int) -> Iterator[StepAll]:
    """The same of Gymnasium."""
    environments = SyncVectorEnv(
        [lambda: gymnasium.make("FrozenLake-v1")] * num_environments,
        copy=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    environments.reset(seed=0)

    def step_all(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        cell, reward, terminated, truncated, _ = environments.step(actions)
        return cell, reward, terminated | truncated

    yield step_all
    environments.close()


def require_same_episodes(label: str, rival: StepAll) -> None:
    """Raise `NotEquivalent` unless the random policy fares alike in as many of either."""
    ours, theirs = (totals_of(side) for side in (lakes_of_adfast(CHECKED_ENVIRONMENTS), rival))
    for what in ours:
        require_same_mean(f"{label}: {what}", ours[what], theirs[what])


def totals_of(step_all: StepAll) -> dict[str, np.ndarray]:
    """float64 `[E]` each: what random actions bring every environment, over all steps."""
    generator = np.random.default_rng(1)
    totals = np.zeros((4, CHECKED_ENVIRONMENTS))
    for _ in range(CHECKED_STEPS):
        cell, reward, ended = step_all(generator.integers(4, size=CHECKED_ENVIRONMENTS))
        # Where an episode ended, one side shows the last cell and another the first of the next.
        totals += reward, ended, cell // SIDE * ~ended, cell % SIDE * ~ended
    return dict(zip(("rewards", "ended episodes", "rows", "columns"), totals, strict=True))
