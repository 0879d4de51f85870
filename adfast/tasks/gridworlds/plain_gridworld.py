"""PlainGridworld: what a family of cells and moves says of itself, before there are variants.

These are the members of a `TaskFamily` under names that begin with `plain_`. Task ids have been
checked. Where steps are random by themselves, they read the upper 16 bits of the key alone, as
`bounded` does: the lower ones are the noise's.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes
from adfast.tasks.family import TaskFamily
from adfast.tasks.task_map import TaskMap
from adfast.tasks.transition_schema import TransitionSchema


class PlainGridworld(TaskFamily):
    """A family of cells and moves as its subclass defines it."""

    @property
    @abstractmethod
    def plain_num_tasks(self) -> int:
        """`num_tasks` of the plain family."""

    @property
    @abstractmethod
    def plain_schema(self) -> TransitionSchema:
        """`transition_schema` of the plain family."""

    @property
    @abstractmethod
    def plain_task_size(self) -> int:
        """`task_size` of the plain family."""

    @property
    @abstractmethod
    def plain_state_sizes(self) -> tuple[int, ...]:
        """`state_sizes` of the plain family."""

    @property
    @abstractmethod
    def plain_reset(self) -> Callable[..., Any]:
        """`reset` of the plain family."""

    @property
    @abstractmethod
    def plain_step(self) -> Callable[..., Any]:
        """`step` of the plain family."""

    @property
    @abstractmethod
    def plain_observe(self) -> Callable[..., Any]:
        """`observe` of the plain family."""

    @abstractmethod
    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """`task_parameters` of the plain family."""

    @abstractmethod
    def plain_label(self, task_id: int) -> str:
        """`task_label` of the plain family."""

    @abstractmethod
    def plain_map(self, task_id: int) -> TaskMap | None:
        """`task_map` of the plain family."""

    @abstractmethod
    def move_label(self, move: int) -> str:
        """`action_label` of the plain family."""

    @property
    def plain_outcomes(self) -> Outcomes:
        """`outcomes` of the plain family."""
        return CERTAIN

    def plain_halves(self, task_ids: np.ndarray) -> np.ndarray:
        """`halves` of the plain family; refused where it has none."""
        return super().halves(task_ids)

    @property
    def goal_sizes(self) -> tuple[int, ...]:
        """Number of values of each plain parameter, where goals can move: they are the task."""
        return ()

    @property
    def drawn_goals(self) -> Callable[..., Any]:
        """The pure function `key -> plain task`, where goals can move."""
        raise NotImplementedError
