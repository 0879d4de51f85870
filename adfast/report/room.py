"""The room: tasks that are the cells of one plan, and one task's rollouts on its map.

Which plan, and what lies where, the family says (`task_map`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from adfast.probes.attended.record import exemplary_runs
from adfast.runs.files.run_record import RunRecord
from adfast.tasks.task_map import TaskMap
from adfast.tasks.task_set import TaskSet

MAX_CELLS = 1600  # more cells cannot be told apart on a page

Cell = tuple[int, int]


@dataclass(frozen=True)
class Room:
    """A plan on which every task has a goal of its own, at `goals[task id]`.

    `start` is the cell where every episode begins, or None if it varies.
    """

    rows: int
    columns: int
    start: Cell | None
    goals: Mapping[int, Cell]


@dataclass(frozen=True)
class Rollout:
    """One episode in one room: the cells `[steps + 1]` it visits, the rewards `[steps]` on the way.

    `goals` are the goals of that room.
    """

    episode: int
    room: int
    goals: list[Cell]
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
    map: TaskMap
    seed: int
    share_of_optimal: float
    rollouts: tuple[Rollout, ...]


def room_of(tasks: TaskSet) -> Room | None:
    """The room of tasks; None where they are not the cells of one of at most `MAX_CELLS`.

    They have maps of one size, one room and one goal each, and no two have the same goal.
    """
    first = tasks.task_map(0) if tasks.num_tasks <= MAX_CELLS else None
    if first is None or first.rooms > 1 or first.rows * first.columns > MAX_CELLS:
        return None
    task_of: dict[Cell, int] = {}
    starts = set()
    for task_id in range(tasks.num_tasks):
        plan = tasks.task_map(task_id)
        if plan is None or (plan.rows, plan.columns) != (first.rows, first.columns):
            return None
        goals = plan.goals()
        if len(goals) != 1 or goals[0] in task_of:
            return None
        task_of[goals[0]] = task_id
        starts.add(plan.start)
    start = first.start if len(starts) == 1 else None
    return Room(first.rows, first.columns, start, {task: cell for cell, task in task_of.items()})


def median_story(run: RunRecord) -> LearningStory | None:
    """The median evaluated task with its median seed (`exemplary_runs`).

    None where nothing was recorded, where its map cannot be drawn, and where an episode leaves the
    room that it begins in.
    """
    if run.trajectories is None:
        return None
    ranks = np.array([row.rank for row in run.evaluation.per_task])
    _, task, seed = exemplary_runs(ranks, run.evaluation.evaluated.array)[0]
    outcome = run.evaluation.per_task[task]
    plan = run.tasks.task_map(outcome.task_id)
    if plan is None or plan.rows * plan.columns > MAX_CELLS:
        return None
    episodes = run.evaluation.episodes
    rollouts = []
    for episode in sorted({0, (episodes - 1) // 2, episodes - 1}):
        seen = run.trajectories.observation[task, seed, episode]
        row, column = (part.tolist() for part in plan.places(seen))
        room = seen[:, plan.components[2]].tolist() if plan.rooms > 1 else [0]
        if set(room) != {room[0]}:
            return None
        rollouts.append(
            Rollout(
                episode=episode + 1,
                room=room[0],
                goals=plan.goals(room[0]),
                cells=list(zip(row, column, strict=True)),
                rewards=[float(value) for value in run.trajectories.reward[task, seed, episode]],
            )
        )
    return LearningStory(
        task_label=outcome.label,
        map=plan,
        seed=seed,
        share_of_optimal=outcome.share,
        rollouts=tuple(rollouts),
    )
