"""TaskFamily: what a family of tasks is, and how its tasks are split.

A family is a frozen dataclass of options plus three pure scalar functions. The functions are plain
functions marked `@register_jitable`, never `@njit`: the compiled loops of `simulators` and
`source_algorithms` are closures over them, which only then are found in Numba's cache by a later
process. Task and state are tuples of int32; a key is a uint32 of `random_streams`.
"""

from __future__ import annotations

import hashlib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from adfast import random_streams
from adfast.errors import InvalidArgument
from adfast.tasks.transition_schema import TransitionSchema


@dataclass(frozen=True)
class TaskSplit:
    """Two disjoint, sorted sets of task ids."""

    train: np.ndarray
    held_out: np.ndarray


class TaskFamily(ABC):
    """A family of tasks. Subclasses are frozen dataclasses whose fields are the options.

    `reset(task, key) -> state`, `step(task, state, action, key) -> (state, reward, terminated)` and
    `observe(task, state) -> tuple` are properties that return the pure functions, with the options
    bound as closure constants.
    """

    name: ClassVar[str]

    @property
    @abstractmethod
    def num_tasks(self) -> int:
        """Number of tasks; task ids are 0 .. num_tasks - 1."""

    @property
    @abstractmethod
    def transition_schema(self) -> TransitionSchema:
        """Observation sizes, number of actions, episode length and reward dtype."""

    @property
    @abstractmethod
    def task_size(self) -> int:
        """Number of int32 parameters of a task."""

    @property
    @abstractmethod
    def state_size(self) -> int:
        """Number of int32 components of a state."""

    @property
    @abstractmethod
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, key) -> state`."""

    @property
    @abstractmethod
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""

    @property
    @abstractmethod
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> tuple` of observation components."""

    @abstractmethod
    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]` parameters of the tasks; raises `InvalidArgument` out of range."""

    @abstractmethod
    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: the greatest expected return of one episode for who knows the task."""

    @property
    def num_actions(self) -> int:
        """Number of actions."""
        return self.transition_schema.num_actions

    @property
    def episode_length(self) -> int:
        """Steps after which an episode is truncated."""
        return self.transition_schema.episode_length

    @cached_property
    def source_hash(self) -> str:
        """A hash of the source of the family's module and of `random_streams`.

        Compiled loops close over it, so that an edited family is compiled anew.
        """
        digest = hashlib.sha256()
        for module in (inspect.getmodule(type(self)), random_streams):
            assert module is not None
            digest.update(inspect.getsource(module).encode())
        return digest.hexdigest()[:16]

    def check_task_ids(self, task_ids: Any) -> np.ndarray:
        """int64 `[N]` of valid ids; raises `InvalidArgument` otherwise."""
        ids = np.asarray(task_ids)
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise InvalidArgument(
                f"task_ids must be a one-dimensional array of integers, "
                f"got shape {ids.shape} and dtype {ids.dtype}"
            )
        ids = ids.astype(np.int64)
        if ids.size and (ids.min() < 0 or ids.max() >= self.num_tasks):
            wrong = ids[(ids < 0) | (ids >= self.num_tasks)][0]
            raise InvalidArgument(
                f"task_ids of {self.name} must be in 0..{self.num_tasks - 1}, got {wrong}"
            )
        return ids

    def split(self, held_out: int, seed: int) -> TaskSplit:
        """`held_out` tasks drawn by `seed` against all others; both parts must be left a task."""
        if not 1 <= held_out < self.num_tasks:
            raise InvalidArgument(
                f"held_out must be in 1..{self.num_tasks - 1} so that {self.name} keeps a task on "
                f"both sides of the split, got {held_out}"
            )
        offset, mask = random_streams.stream_key(seed, random_streams.TASK_SPLIT, 0)
        order = np.argsort(random_streams.step_keys(offset, mask, self.num_tasks), kind="stable")
        return TaskSplit(
            train=np.sort(order[held_out:]).astype(np.int64),
            held_out=np.sort(order[:held_out]).astype(np.int64),
        )
