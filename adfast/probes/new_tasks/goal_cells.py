"""GoalCells: where the goals of a subject's tasks lie, held-out and trained ones.

Axes: N tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adfast.errors import InvalidArgument
from adfast.probes.subject import Subject
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_map import TaskMap

MAX_TASKS = 2**14  # whose goals are looked up


@dataclass(frozen=True)
class GoalCells:
    """The goal of each held-out task, int64 `[tasks]`, and which cells bool `[cells]` are trained.

    Cells are numbered row by row.
    """

    own: np.ndarray
    is_trained: np.ndarray

    @property
    def chance(self) -> float:
        """How many of all cells but a task's own goal are training goals.

        Where the split is drawn at random, that is how many of any cells are, on average.
        """
        return float(self.is_trained.sum() / (len(self.is_trained) - 1))


def goal_cells(family: TaskFamily, subject: Subject) -> GoalCells:
    """The goals of a subject's tasks; raises `InvalidArgument` where that is not one cell each."""
    split = subject.split
    if not len(split.train):
        raise InvalidArgument(
            f'the probe needs the training tasks of its subject "{subject.name}", whose split has '
            "none; give it a split with some"
        )
    if len(split.train) > MAX_TASKS:
        raise InvalidArgument(
            f"the probe looks up the goals of at most {MAX_TASKS:,} training tasks, got "
            f"{len(split.train):,}; take a smaller family"
        )
    own = cells_of(family, split.held_out)
    trained = np.zeros(num_cells(family, int(split.train[0])), bool)
    trained[cells_of(family, split.train)] = True
    if trained[own].any():
        raise InvalidArgument(
            f"the probe needs held-out goals that are no training goals, and in {family.name} some "
            "are both; put it to a family whose tasks differ in their goal, such as dark-room"
        )
    return GoalCells(own, trained)


def num_cells(family: TaskFamily, task_id: int) -> int:
    """Cells of a task's plan."""
    plan = family.task_map(task_id)
    assert plan is not None, "the caller has looked at it"
    return plan.rows * plan.columns


def cells_of(family: TaskFamily, task_ids: np.ndarray) -> np.ndarray:
    """int64 `[N]`: the goal cell of each task; raises `InvalidArgument` where there is not one."""
    found = []
    for task_id in task_ids:
        plan = family.task_map(int(task_id))
        if (lacks := what_lacks(family, plan)) is not None or plan is None:
            raise InvalidArgument(
                f"the probe needs tasks of one goal cell each, which stays, and {family.name} "
                f"{lacks}; put it to a family such as dark-room, or name other probes"
            )
        ((row, column),) = plan.goals()
        found.append(row * plan.columns + column)
    return np.array(found, np.int64)


def what_lacks(family: TaskFamily, plan: TaskMap | None) -> str | None:
    """Why the goal of a task is not one cell of its plan; None where it is."""
    if plan is None:
        return "has no map of cells, on which a goal could lie"
    if plan.rooms != 1:
        return f"has tasks of {plan.rooms} rooms"
    if len(plan.goals()) != 1:
        return f"has tasks of {len(plan.goals())} goals"
    if episodes := getattr(family, "goal_moves_every", 0):
        return f"moves its goals every {episodes} episodes"
    return None


def numbered(family: TaskFamily, observation: np.ndarray) -> np.ndarray:
    """int64 `[...]`: the cells that are seen in `observation` `[..., components]`."""
    plan = family.task_map(0)
    assert plan is not None, "goals were found on it"
    rows, columns = plan.places(observation)
    return np.asarray(rows * plan.columns + columns)
