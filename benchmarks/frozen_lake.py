"""Frozen Lake against Gymnasium's own and EnvPool's: a rival's own ground.

All step Gymnasium's slippery map of 4 x 4. The random numbers differ, so what is proven equal is
how the random policy fares: returns, lengths of episodes, cells seen.

Legend: E environments, T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from benchmarks.contest import Contest, require_same_mean
from benchmarks.engine import BatchSimulator, FrozenLake
from benchmarks.pair_timer import Contender
from benchmarks.rivals.optional import rival_of, with_rivals

SIDE = 4
CHECKED_ENVIRONMENTS, CHECKED_STEPS = 256, 400
TIMED_STEPS = 100

# Steps all environments with `[E]` actions: where they are, numbered [E] or as row and column
# [E, 2], rewards [E], whether an episode ended [E].
StepAll = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


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
    # An older commit's family has no option: it is this map alone.
    options = {"layout": "gymnasium"} if "layout" in FrozenLake.__annotations__ else {}
    lake = FrozenLake(**options)
    simulator = BatchSimulator(lake, np.zeros(num_environments, int), copy=False)
    simulator.reset()

    def step_all(actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        result = simulator.step(actions)
        return result.observation, result.reward, result.terminated | result.truncated

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
        seen, reward, ended = step_all(generator.integers(4, size=CHECKED_ENVIRONMENTS))
        row, column = seen.T if seen.shape[-1] == 2 else divmod(seen.ravel(), SIDE)
        # Where an episode ended, one side shows the last cell and another the first of the next.
        totals += reward, ended, row * ~ended, column * ~ended
    return dict(zip(("rewards", "ended episodes", "rows", "columns"), totals, strict=True))
