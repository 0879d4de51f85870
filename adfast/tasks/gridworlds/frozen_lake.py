"""Frozen Lake: cross the ice from the first cell to the last, and fall into no hole.

The task is the map of holes, the observation (row, column): where the holes lie is not seen. The
goal pays 1 and ends the episode, as does a hole, which pays nothing. Where the ice is slippery, a
move goes where it is meant to or at a right angle to it, with a third each.

Rules, actions and maps are those of Gymnasium's `FrozenLake-v1`, whose observation is the number of
the cell, row * size + column. Its two maps are `layout="gymnasium"`; others are drawn as its
`generate_random_map` does, a pure function of the task id. Twin: `tests/reference/frozen_lake.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field, model_validator

from adfast.errors import InvalidArgument
from adfast.tasks.compiled.components import component_reader
from adfast.tasks.compiled.outcomes import Outcomes
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.gridworld import Gridworld
from adfast.tasks.gridworlds.lakes import (
    GYMNASIUM_MAPS,
    WORD_BITS,
    drawn_holes,
    gymnasium_holes,
    words_of,
)
from adfast.tasks.gridworlds.variants import slippery_direction, slippery_outcomes
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

ACTIONS = ("left", "down", "right", "up")
LEFT, DOWN, RIGHT, UP = range(4)
MAX_SIZE = 16
MAX_LAKES = 2**24


class FrozenLake(Gridworld):
    """Cross the ice and fall into no hole; task id = number of the lake.

    A lake does not depend on how many others there are.
    """

    name: ClassVar[str] = "frozen-lake"

    size: int = Field(4, ge=2, le=MAX_SIZE)
    """Rows, and as many columns."""

    episode_length: EpisodeLength = 100
    """Steps of an episode, unless the goal or a hole ends it."""

    is_slippery: bool = True
    """Whether a move goes where it is meant to with a third, else at a right angle to it."""

    layout: Literal["generated", "gymnasium"] = "generated"
    """Lakes of their own, or the one map that Gymnasium has of this size, 4 or 8."""

    frozen_probability: float = Field(0.8, ge=0.6, le=1)  # below, few maps can be crossed
    """Probability that a cell of a generated lake is no hole."""

    lakes: int = Field(1024, ge=1, le=MAX_LAKES)
    """Number of tasks, where lakes are generated."""

    @model_validator(mode="after")
    def _layout_has_the_size(self) -> Self:
        if self.layout == "gymnasium" and self.size not in GYMNASIUM_MAPS:
            raise InvalidArgument(
                f'size must be 4 or 8 where layout is "gymnasium", got {self.size}; use '
                'layout="generated"'
            )
        return self

    @property
    def plain_num_tasks(self) -> int:
        """Number of lakes."""
        return 1 if self.layout == "gymnasium" else self.lakes

    @property
    def plain_outcomes(self) -> Outcomes:
        """Where the ice is slippery, a key for each way that a move may go."""
        return slippery_outcomes(self.is_slippery)

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row and column as observation, four actions, rewards 0 or 1."""
        observation = DiscreteObservation((self.size, self.size))
        return TransitionSchema(observation, len(ACTIONS), self.episode_length, "uint8")

    @property
    def plain_task_size(self) -> int:
        """The words that hold a bit for each cell."""
        return -(-self.size * self.size // WORD_BITS)

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Row and column."""
        return (self.size, self.size)

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`: the first cell."""

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            return int32(0), int32(0)

        return reset

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        size, last = self.size, self.size - 1
        word_of = component_reader(self.plain_task_size)

        direction = slippery_direction(self.is_slippery)

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            way = direction(action, key)
            row = int32(state[0] + int32(int32(way == DOWN) - int32(way == UP)))
            column = int32(state[1] + int32(int32(way == RIGHT) - int32(way == LEFT)))
            row = min(max(row, int32(0)), int32(last))
            column = min(max(column, int32(0)), int32(last))
            cell = int32(int32(row * int32(size)) + column)
            word = word_of(task, int32(cell >> int32(5)))
            in_hole = int32(int32(word >> int32(cell & int32(31))) & int32(1))
            reward = int32((row == last) & (column == last))
            return (row, column), reward, int32(reward | in_hole) != 0

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    def holes(self, task_ids: np.ndarray) -> np.ndarray:
        """bool `[N, size * size]`: the holes of the lakes."""
        ids, places = np.unique(self.parts_of(task_ids)[0], return_inverse=True)
        if self.layout == "gymnasium":
            return np.tile(gymnasium_holes(self.size), (len(places), 1))
        return drawn_holes(ids, self.size, self.frozen_probability)[places]

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]`: bit c % 32 of word c // 32 says whether cell c is a hole."""
        return words_of(self.holes(task_ids))

    def plain_label(self, task_id: int) -> str:
        """The lake's number."""
        return f"lake {task_id}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The lake with its start, holes and goal."""
        last = self.size - 1
        holes = np.flatnonzero(self.holes(np.array([task_id]))[0]).tolist()
        landmarks = (
            Landmark("goal", 0, last, last),
            Landmark("start", 0, 0, 0),
            *(Landmark("hole", 0, *divmod(cell, self.size)) for cell in holes),
        )
        return TaskMap(self.size, self.size, components=(0, 1), landmarks=landmarks, start=(0, 0))

    def move_label(self, move: int) -> str:
        """The move."""
        return ACTIONS[move]
