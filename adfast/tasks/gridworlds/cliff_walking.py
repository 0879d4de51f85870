"""Cliff Walking: from one corner to the next along a cliff, every step of which costs.

The task is where the cliff lies, the observation (row, column): the cliff is not seen. A step costs
1 and one over the edge 100, which ends at the start again; the goal ends the episode. Who keeps far
from the edge is safe, and late.

Rules, actions and the classic map are those of Gymnasium's `CliffWalking-v1`, whose observation is
the number of the cell, row * columns + column. That map is task 0, and alone with
`layout="gymnasium"`; in all others the cliff rises under each column to a height of its own, drawn
from the task's stream, and start and goal may have changed sides.

Source: Sutton & Barto 2018, Reinforcement Learning, example 6.6. Twin:
`tests/reference/cliff_walking.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field

from adfast.random_streams import TASK_CONTENT, step_keys, stream_keys
from adfast.tasks.compiled.components import component_reader
from adfast.tasks.compiled.outcomes import Outcomes
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.gridworld import Gridworld
from adfast.tasks.gridworlds.lakes import WORD_BITS, words_of
from adfast.tasks.gridworlds.variants import slippery_direction, slippery_outcomes
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

ACTIONS = ("up", "right", "down", "left")
UP, RIGHT, DOWN, LEFT = range(4)
FALL = -100
MAX_CLIFFS = 2**24


class CliffWalking(Gridworld):
    """Walk along the cliff, not over its edge; task id = number of the cliff, 0 the classic one.

    A cliff does not depend on how many others there are.
    """

    name: ClassVar[str] = "cliff-walking"

    rows: int = Field(4, ge=2, le=16)
    """Rows; start and goal lie in the last one."""

    columns: int = Field(12, ge=3, le=32)
    """Columns; start and goal lie in the first and the last one."""

    episode_length: EpisodeLength = 100
    """Steps of an episode, unless the goal ends it."""

    is_slippery: bool = False
    """Whether a move goes where it is meant to with a third, else at a right angle to it."""

    layout: Literal["generated", "gymnasium"] = "generated"
    """Cliffs of their own, or the one of Gymnasium alone, under all columns but two."""

    cliffs: int = Field(1024, ge=1, le=MAX_CLIFFS)
    """Number of tasks, where cliffs are generated."""

    @property
    def plain_num_tasks(self) -> int:
        """Number of cliffs."""
        return 1 if self.layout == "gymnasium" else self.cliffs

    @property
    def plain_outcomes(self) -> Outcomes:
        """Where moves are slippery, a key for each way that one may go."""
        return slippery_outcomes(self.is_slippery)

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row and column as observation, four actions, rewards -1 or -100."""
        observation = DiscreteObservation((self.rows, self.columns))
        return TransitionSchema(observation, len(ACTIONS), self.episode_length, "int8")

    @property
    def plain_task_size(self) -> int:
        """The start's column, and the words that hold a bit for each cell."""
        return 1 + -(-self.rows * self.columns // WORD_BITS)

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Row and column."""
        return (self.rows, self.columns)

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`: the start."""
        last_row = self.rows - 1

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            return int32(last_row), int32(task[0])

        return reset

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        last_row, columns, last_column = self.rows - 1, self.columns, self.columns - 1
        word_of = component_reader(self.plain_task_size)
        direction = slippery_direction(self.is_slippery)

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            way = direction(action, key)
            row = int32(state[0] + int32(int32(way == DOWN) - int32(way == UP)))
            column = int32(state[1] + int32(int32(way == RIGHT) - int32(way == LEFT)))
            row = min(max(row, int32(0)), int32(last_row))
            column = min(max(column, int32(0)), int32(last_column))
            cell = int32(int32(row * int32(columns)) + column)
            word = word_of(task, int32(int32(cell >> int32(5)) + int32(1)))
            falls = int32(int32(word >> int32(cell & int32(31))) & int32(1))
            goal = int32(int32(last_column) - task[0])
            arrived = (row == int32(last_row)) & (column == goal)
            after = (int32(last_row) if falls else row), (int32(task[0]) if falls else column)
            return after, int32(FALL) if falls else int32(-1), arrived

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state

        return observe

    def maps(self, task_ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[N]` columns of the starts, and bool `[N, rows * columns]` cells of the cliffs.

        Step c of a task's stream draws the height under column c, step 0 the start's side.
        """
        plain_ids = self.parts_of(task_ids)[0]
        offsets, masks = stream_keys(0, TASK_CONTENT, plain_ids)
        draws = np.array(
            [step_keys(*words, self.columns - 1) for words in zip(offsets, masks, strict=True)],
            np.uint64,
        ).reshape(len(plain_ids), self.columns - 1)
        heights = draws[:, 1:] * np.uint64(self.rows) >> np.uint64(32)
        is_right = draws[:, 0] >> np.uint64(31)
        heights[plain_ids == 0] = 1
        is_right[plain_ids == 0] = 0
        cells = np.zeros((len(plain_ids), self.rows, self.columns), bool)
        above = np.arange(self.rows - 1, -1, -1, dtype=np.uint64)  # the edge, for each row
        cells[:, :, 1:-1] = above[:, None] < heights[:, None, :]
        starts = is_right.astype(np.int64) * (self.columns - 1)
        return starts, cells.reshape(len(plain_ids), self.rows * self.columns)

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 1 + words]`: the start's column; bit c % 32 of word c // 32 for cell c."""
        starts, cells = self.maps(task_ids)
        return np.concatenate([starts[:, None], words_of(cells)], axis=1).astype(np.int32)

    def plain_label(self, task_id: int) -> str:
        """The cliff's number."""
        return f"cliff {task_id}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The plan with start, goal and cliff."""
        (start,), (cells,) = self.maps(np.array([task_id]))
        cliff = np.flatnonzero(cells).tolist()
        last_row, goal = self.rows - 1, self.columns - 1 - int(start)
        landmarks = (
            Landmark("goal", 0, last_row, goal),
            Landmark("start", 0, last_row, int(start)),
            *(Landmark("cliff", 0, *divmod(cell, self.columns)) for cell in cliff),
        )
        return TaskMap(
            self.rows,
            self.columns,
            components=(0, 1),
            landmarks=landmarks,
            start=(last_row, int(start)),
        )

    def move_label(self, move: int) -> str:
        """The move."""
        return ACTIONS[move]
