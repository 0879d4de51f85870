"""TaskSet: tasks by number, and what whoever evaluates or shows them asks of them.

A `TaskFamily` is one, whose environments compiled loops step; tasks that are Gymnasium's
environments are another (`adfast.evaluation.environments.environment_tasks`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument
from adfast.tasks.task_map import TaskMap
from adfast.tasks.transition_schema import TransitionSchema
from adfast.values import INTEGERS, as_array


class TaskSet(ABC):
    """Tasks 0 .. `num_tasks` - 1 that an agent of one schema can act in."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What the tasks are called together."""

    @property
    @abstractmethod
    def num_tasks(self) -> int:
        """Number of tasks; task ids are 0 .. num_tasks - 1."""

    @property
    @abstractmethod
    def transition_schema(self) -> TransitionSchema:
        """Its observation, number of actions, episode length and reward dtype."""

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray | None:
        """float64 `[N]`: the greatest expected return of one episode for who knows the task.

        None where nobody knows it.
        """
        return None

    def dead_ends(self, task_ids: np.ndarray, observations: np.ndarray) -> np.ndarray | None:
        """bool `[N]`: whether each of N episodes lost something that led to a reward for good.

        `observations` `[N, steps + 1, ...]` are those of an episode of each of the N `task_ids`;
        after its end the last one is repeated. None where tasks have no dead ends.
        """
        return None

    def task_label(self, task_id: int) -> str:
        """What a person calls the task."""
        return f"task {task_id}"

    def task_map(self, task_id: int) -> TaskMap | None:
        """The plan on which a person can watch an agent in the task; None where there is none."""
        return None

    def action_label(self, action: int) -> str:
        """What a person calls the action."""
        return f"action {action}"

    @property
    def num_actions(self) -> int:
        """Number of actions."""
        return self.transition_schema.num_actions

    def check_task_ids(self, task_ids: Any) -> np.ndarray:
        """int64 `[N]` of valid ids; raises `InvalidArgument` otherwise."""
        ids = as_array("task_ids", task_ids, INTEGERS)
        if ids.ndim != 1:
            raise InvalidArgument(
                f"task_ids must be a one-dimensional array of integers, got shape {ids.shape}"
            )
        if ids.size and (ids.min() < 0 or ids.max() >= self.num_tasks):
            wrong = ids[(ids < 0) | (ids >= self.num_tasks)][0]
            raise InvalidArgument(
                f"task_ids of {self.name} must be in 0..{self.num_tasks - 1}, got {wrong}"
            )
        return ids.astype(np.int64)
