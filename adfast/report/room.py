"""The room: grid-shaped families seen as a map of tasks, and one task's rollouts within it.

A family has a room when its observations are (row, column) and each cell is one task, with task id
= row * columns + column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.probes.attended.record import exemplary_runs
from adfast.runs.run_record import RunRecord

MAX_CELLS = 1600  # more cells cannot be told apart on a page

Cell = tuple[int, int]


@dataclass(frozen=True)
class Room:
    """A grid of tasks. `start` is the cell where every episode begins, or None if it varies."""

    rows: int
    columns: int
    start: Cell | None

    def cell(self, task_id: int) -> Cell:
        """Row and column of a task's goal."""
        return divmod(task_id, self.columns)


@dataclass(frozen=True)
class Rollout:
    """One episode: the cells `[steps + 1]` it visits and the rewards `[steps]` on entering them."""

    episode: int
    cells: list[Cell]
    rewards: list[float]

    @property
    def total(self) -> float:
        """The episode's return."""
        return sum(self.rewards)


@dataclass(frozen=True)
class LearningStory:
    """The first, middle and last episode of one task and seed, and why these were chosen."""

    task_label: str
    goal: Cell
    seed: int
    share_of_optimal: float
    rollouts: tuple[Rollout, ...]


def room_of(run: RunRecord) -> Room | None:
    """The room of a run's family, or None where it has none of at most `MAX_CELLS` cells."""
    sizes = run.family.observation_sizes
    if len(sizes) != 2 or not sizes[0] * sizes[1] == run.family.num_tasks <= MAX_CELLS:
        return None
    start = None
    if run.trajectories is not None:
        starts = run.trajectories.observation[:, :, :, 0].reshape(-1, 2)
        if (starts == starts[0]).all():
            start = (int(starts[0, 0]), int(starts[0, 1]))
    return Room(rows=sizes[0], columns=sizes[1], start=start)


def median_story(run: RunRecord, room: Room) -> LearningStory | None:
    """The median held-out task with its median seed (`exemplary_runs`); None if not recorded."""
    if run.trajectories is None:
        return None
    shares = np.array([row.share_of_optimal for row in run.evaluation.per_task])
    _, task, seed = exemplary_runs(shares, run.evaluation.held_out.array)[0]
    episodes = run.evaluation.episodes
    chosen = sorted({0, (episodes - 1) // 2, episodes - 1})
    observation = run.trajectories.observation[task, seed]
    reward = run.trajectories.reward[task, seed]
    outcome = run.evaluation.per_task[task]
    return LearningStory(
        task_label=outcome.label,
        goal=room.cell(outcome.task_id),
        seed=seed,
        share_of_optimal=outcome.share_of_optimal,
        rollouts=tuple(
            Rollout(
                episode=episode + 1,
                cells=[(int(row), int(column)) for row, column in observation[episode]],
                rewards=[float(value) for value in reward[episode]],
            )
            for episode in chosen
        ),
    )
