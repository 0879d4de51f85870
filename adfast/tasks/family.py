"""TaskFamily: what a family of tasks is.

A family is a `Config`, whose fields are its options, plus three pure scalar functions. These are
plain functions marked `@register_jitable`, never `@njit`: the compiled loops of `simulators` and
`source_algorithms` are closures over them, which only then are found by a later process. Task and
state are tuples of int32; a key is a uint32 of `random_streams`.
"""

from __future__ import annotations

import hashlib
import inspect
import math
import sys
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numba.extending import register_jitable
from pydantic import Field

from adfast import random_draws, random_streams
from adfast.config import Config
from adfast.errors import InvalidArgument
from adfast.tasks.compiled import components, planning, schema_guards
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes
from adfast.tasks.ideal_learner import IdealLearner
from adfast.tasks.task_set import TaskSet
from adfast.tasks.task_split import (
    HALF_ROOM,
    MAX_LEAK,
    RANDOM,
    TaskSplit,
    check_sizes,
    drawn_order,
    half_room_split,
    random_split,
    refuse_leak,
)
from adfast.tasks.transition_schema import MAX_EPISODE_LENGTH
from adfast.values import MAX_COUNT, as_choice, as_integer

MAX_PLANNED_VALUES = 2**25  # float64 of all states at all steps: 256 MiB per thread

EpisodeLength = Annotated[int, Field(ge=1, le=MAX_EPISODE_LENGTH)]


class TaskFamily(TaskSet, Config):
    """A family of tasks. Subclasses' fields are its options, hashable as the loops' cache needs.

    `reset(task, episode, key) -> state`, `step(task, state, action, key) -> (state, reward,
    terminated)` and `observe(task, state) -> tuple` are properties that return the pure functions,
    with the options bound as closure constants. `episode` counts those of a history from 0.
    """

    name: ClassVar[str]
    if TYPE_CHECKING:  # a field, a property or a class variable of every subclass
        episode_length: int

    @property
    def task_size(self) -> int:
        """Number of int32 parameters of a task; by default one, its id."""
        return 1

    @property
    @abstractmethod
    def state_sizes(self) -> tuple[int, ...]:
        """Number of values of each int32 state component, which runs from 0 to it exclusive."""

    @property
    @abstractmethod
    def reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""

    @property
    @abstractmethod
    def step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""

    @property
    def observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> tuple` of observation components.

        By default the state is seen as it is.
        """

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    @property
    def cell_sizes(self) -> tuple[int, ...]:
        """Number of values of each component of what `cell` returns."""
        return self.state_sizes

    @property
    def cell(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> tuple`: in which cell a state lies.

        A learner's table counts these where states are too many; by default each is a cell.
        """

        @register_jitable
        def cell(task: Any, state: Any) -> Any:
            return state

        return cell

    @property
    def steer(self) -> Callable[..., Any] | None:
        """The pure function `(task, state) -> action` of who knows the task.

        It is the expert of a family whose states are too many for a plan. None where there is a
        plan, or nobody knows.
        """
        return None

    def task_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]` parameters of the tasks; raises `InvalidArgument` out of range."""
        return self.check_task_ids(task_ids)[:, None].astype(np.int32)

    def optimal_return(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: the greatest expected return of one episode for who knows the task.

        By default it is searched for, through `step`; raises `InvalidArgument` where it cannot be.
        """
        return planning.planned_returns(self, task_ids)

    @property
    def state_size(self) -> int:
        """Number of int32 components of a state."""
        return len(self.state_sizes)

    @property
    def has_random_steps(self) -> bool:
        """Whether `step` reads its key."""
        return False

    @property
    def truncates(self) -> bool:
        """Whether `step` ends episodes by a task's own time limit: its third value is then 2.

        2 is `BOUNDARY_TRUNCATED`: learners look beyond such an end, as they do where
        `episode_length`, the longest of all tasks, ends an episode.
        """
        return False

    @property
    def outcomes(self) -> Outcomes | None:
        """Keys by which `step` does all that it can, whatever the state, and their probabilities.

        None where a random step has no finite number of outcomes, or nobody has counted them.
        """
        return None if self.has_random_steps else CERTAIN

    @property
    def expected_step(self) -> Callable[..., Any] | None:
        """The pure function `(task, state, action) -> (state, expected reward, terminated)`.

        For families of which chance decides no more than the reward: plans are then made by it, and
        need no `outcomes`. None for all others.
        """
        return None

    @property
    def starts(self) -> Outcomes | None:
        """Keys by which `reset` gives all states that begin episodes, and their probabilities.

        None where nobody has counted them.
        """
        return CERTAIN

    @property
    def num_planned_values(self) -> int:
        """How many values a plan from every state at every step has."""
        return math.prod(self.state_sizes) * (self.episode_length + 1)

    @property
    def planner(self) -> bool:
        """Whether a search through `step` finds the best policy: the expert, and the optimum."""
        is_foreseen = self.outcomes is not None or self.expected_step is not None
        return is_foreseen and self.num_planned_values <= MAX_PLANNED_VALUES

    def ideal_learner(self) -> IdealLearner | None:
        """Who learns these tasks as well as is known to be possible; None where nobody knows."""
        return None

    @property
    def observation_sizes(self) -> tuple[int, ...]:
        """Number of values of each component that `observe` returns.

        Raises `InvalidArgument` where the schema's observations are not counted.
        """
        return self.transition_schema.observation.compiled_sizes(self.name)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, source: str = "configuration") -> Self:
        """The family of the options `values`; raises as every `Config` does."""
        if "__dataclass_params__" in vars(cls):
            raise InvalidArgument(
                f"{source}: {cls.__name__} must be declared without @dataclass; the annotated "
                "fields of a TaskFamily are its options as they are"
            )
        return super().from_mapping(values, source=source)

    def __getstate__(self) -> dict[Any, Any]:
        """The options alone: the process that reads them has sources of its own to hash."""
        state = super().__getstate__()
        options = type(self).model_fields
        kept = {name: value for name, value in state["__dict__"].items() if name in options}
        return state | {"__dict__": kept}

    @cached_property
    def source_hash(self) -> str:
        """A hash of the source of the family's class, its bases, and what loops around it share.

        Compiled loops close over it, so that an edited family is compiled anew.
        """
        classes = [cls for cls in type(self).__mro__ if cls not in (*Config.__mro__, ABC)]
        shared = random_draws, random_streams, components, planning, schema_guards
        return hash_of_sources(
            *(cls.__module__ for cls in classes), *(module.__name__ for module in shared)
        )

    def split(
        self,
        held_out: int,
        seed: int,
        validation: int = 0,
        *,
        kind: str = RANDOM,
        leak: int = 0,
    ) -> TaskSplit:
        """`held_out` tasks and then `validation` ones drawn by `seed`; all others are to train on.

        A task must be left to train on. Whoever splits in two has no validation task. With `kind`
        "half-room" tasks are drawn from the right `halves` and those of the left one are to train
        on, with `leak` more of the right one.
        """
        held_out = as_integer("held_out", held_out, -MAX_COUNT)
        validation = as_integer("validation", validation)
        kind = as_choice("split", kind, (RANDOM, HALF_ROOM))
        leak = as_integer("leak", leak, 0, MAX_LEAK)
        refuse_leak(kind, leak)
        if kind == RANDOM:
            check_sizes(self.name, self.num_tasks, held_out, validation, others=1)
            return random_split(self.drawn_order(seed), held_out, validation)
        order = self.drawn_order(seed)
        half = self.halves(order)
        return half_room_split(self.name, order, half, held_out, validation, leak)

    def drawn_order(self, seed: int) -> np.ndarray:
        """int64: all task ids in an order that `seed` draws."""
        return drawn_order(self.name, self.num_tasks, seed)

    def halves(self, task_ids: np.ndarray) -> np.ndarray:
        """int8 `[N]`: -1 for tasks of the left half of a room, 1 of the right one, 0 between them.

        Raises `InvalidArgument` where tasks lie in no halves.
        """
        raise InvalidArgument(
            f'split = "{HALF_ROOM}" needs a family whose tasks lie in the halves of a room, which '
            f'{self.name} does not say of its own; take split = "{RANDOM}"'
        )


def hash_of_sources(*modules: str | None) -> str:
    """A hash of the source text of the named modules.

    A module without source, such as a notebook's `__main__`, hashes differently in every process:
    what closes over it is compiled anew rather than ever taken stale from a cache.
    """
    digest = hashlib.sha256()
    for module in dict.fromkeys(modules):
        try:
            source = inspect.getsource(sys.modules[str(module)])
        except (KeyError, OSError, TypeError):
            source = uuid.uuid4().hex
        digest.update(source.encode())
    return digest.hexdigest()[:16]
