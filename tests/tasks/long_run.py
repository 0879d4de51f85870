"""A family's simulator beside its twin, over many random actions, and by itself in another order.

Legend: T steps, E environments, C observation components. A step is one row of whole numbers: what
is observed, what the step itself led to, reward, terminated, truncated.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily

SEED = 5
MOST_THREADS = 4


class Environments(NamedTuple):
    """E tasks, each with its random stream, and the actions `[T, E]` that are taken there."""

    task_ids: np.ndarray
    streams: np.ndarray
    actions: np.ndarray
    seed: int

    def some(self, places: np.ndarray) -> Environments:
        """Those at `places`, in that order."""
        streams, actions = self.streams[places], self.actions[:, places]
        return Environments(self.task_ids[places], streams, actions, self.seed)


class Run(NamedTuple):
    """First observations `[E, C]`, and steps `[T, E, 2 * C + 3]`."""

    start: np.ndarray
    steps: np.ndarray


def run_of_twin(twin_of: Callable[..., Any], environments: Environments) -> Run:
    """One environment after the other, one step after the other."""
    starts, columns = [], []
    task_ids, streams, actions, seed = environments
    for e, task_id in enumerate(task_ids.tolist()):
        twin = twin_of(task_id, seed=seed, random_stream=int(streams[e]))
        starts.append(twin.reset())
        column = []
        for action in actions[:, e].tolist():
            after, reward, terminated, truncated = twin.step(action)
            seen = twin.reset() if terminated or truncated else after
            column.append((*seen, *after, reward, terminated, truncated))
        columns.append(np.array(column))
    return Run(np.array(starts), np.stack(columns, axis=1))


def run_of_simulator(family: TaskFamily, environments: Environments) -> Run:
    """All in one batch."""
    task_ids, streams, actions, seed = environments
    simulator = BatchSimulator(family, task_ids, seed, random_streams=streams)
    start = simulator.reset()
    steps = [
        np.column_stack(
            [r.observation, r.final_observation, r.reward, r.terminated, r.truncated]
        ).astype(np.int64)
        for r in map(simulator.step, actions)
    ]
    return Run(start, np.stack(steps))


def run_in_parts(family: TaskFamily, environments: Environments, draws: np.random.Generator) -> Run:
    """In a drawn order, in batches of drawn widths, on a drawn number of threads."""
    count = len(environments.task_ids)
    cuts = np.unique(draws.integers(1, count + 1, size=draws.integers(1, 8)))
    batches = [batch for batch in np.split(draws.permutation(count), cuts) if len(batch)]
    with ThreadPoolExecutor(draws.integers(1, MOST_THREADS + 1)) as threads:
        parts = threads.map(
            lambda batch: run_of_simulator(family, environments.some(batch)), batches
        )
        starts, steps = zip(*parts, strict=True)
    places = np.argsort(np.concatenate(batches))
    return Run(np.concatenate(starts)[places], np.concatenate(steps, axis=1)[:, places])


def assert_same(found: Run, expected: Run, environments: Environments) -> None:
    """Assert that two runs are the same, or say where they first differ."""
    np.testing.assert_array_equal(found.start, expected.start)
    differs = (found.steps != expected.steps).any(axis=2)
    if differs.any():
        t, e = np.argwhere(differs)[0]
        raise AssertionError(
            f"step {t} of task {environments.task_ids[e]}, stream {environments.streams[e]}, seed "
            f"{environments.seed}: {found.steps[t, e]} where {expected.steps[t, e]} is right"
        )


def assert_follows_twin(
    family: TaskFamily,
    twin_of: Callable[..., Any],
    task_ids: np.ndarray,
    episodes: int,
    seed: int = SEED,
) -> list[tuple[int, ...]]:
    """Assert that every step is that of `twin_of(task_id, seed=.., random_stream=..)`.

    However the environments are put together. Returns the observations that came of the steps.
    """
    draws = np.random.default_rng(seed)
    shape = (episodes * family.episode_length, len(task_ids))
    actions = draws.integers(family.num_actions, size=shape)
    streams = draws.integers(2**63, size=len(task_ids))
    environments = Environments(np.asarray(task_ids), streams, actions, seed)
    expected = run_of_twin(twin_of, environments)
    assert_same(run_of_simulator(family, environments), expected, environments)
    assert_same(run_in_parts(family, environments, draws), expected, environments)
    components = expected.start.shape[1]
    return list(map(tuple, expected.steps[:, :, :components].reshape(-1, components).tolist()))
