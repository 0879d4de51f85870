"""Dark Room: find an invisible cell of a grid, seeing only where one stands.

The task is the goal cell, the observation (row, column). A reward is for the cell *entered*; moves
end at the walls. Dark Room, Dark Room Hard and the variants of other projects are options of this
one family:

- Dark Room: the defaults.
- Dark Room (Hard): `size=17, reward="once"`.
- as in Decision-Pretrained Transformers: `size=10, episode_length=100, start="corner",
  action_order="dpt"`.

Source: Laskin et al. 2022, arXiv 2210.14215; Lee et al. 2023, arXiv 2306.14892 (DPT, whose actions
are numbered down, up, right, left, no-op). Twin: `tests/reference/dark_room.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import BeforeValidator, Field, model_validator

from adfast.config import CountOrNone
from adfast.errors import InvalidArgument, shown
from adfast.random_draws import bounded, subkey
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.dark_room_plan import DarkRoomPlan
from adfast.tasks.gridworlds.gridworld import Gridworld
from adfast.tasks.ideal_learner import IdealLearner
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

MOVES = ("no-op", "up", "right", "down", "left")
ACTION_ORDERS = {
    "adfast": MOVES,
    "dpt": ("down", "up", "right", "left", "no-op"),
}
MAX_SIZE = 4096

Index = Annotated[int, Field(ge=0)]
# A pair, which TOML spells as a list.
Cell = Annotated[
    tuple[Index, Index], BeforeValidator(lambda cell: tuple(cell) if type(cell) is list else cell)
]


class DarkRoom(Gridworld):
    """Find an invisible cell of a grid; task id = goal row * size + goal column."""

    name: ClassVar[str] = "dark-room"

    size: int = Field(9, ge=1, le=MAX_SIZE)
    """Rows, and as many columns."""

    episode_length: EpisodeLength = 20
    """Steps of an episode."""

    start: Literal["centre", "corner", "random"] | Cell = "centre"
    """Where episodes begin; corner: the first row and column; random: any; or (row, column)."""

    reward: Literal["every-step", "once"] = "every-step"
    """Whether every step that ends on the goal pays 1, or only the first one of an episode."""

    terminate_at_goal: bool = False
    """Whether the first reward ends the episode."""

    action_order: Literal["adfast", "dpt"] = "adfast"
    """adfast: no-op, up, right, down, left; dpt: down, up, right, left, no-op."""

    goal_moves_every: CountOrNone = 0
    """After how many episodes of a history the goal lies elsewhere; 0: never."""

    @model_validator(mode="after")
    def _start_is_in_the_room(self) -> Self:
        if isinstance(self.start, tuple) and not max(self.start) < self.size:
            raise InvalidArgument(
                f"start must be a (row, column) in 0..{self.size - 1}, got {shown(self.start)}"
            )
        return self

    @property
    def plain_num_tasks(self) -> int:
        """Number of goal cells."""
        return self.size * self.size

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row and column as observation, five actions, rewards 0 or 1."""
        observation = DiscreteObservation((self.size, self.size))
        return TransitionSchema(observation, len(MOVES), self.episode_length, "uint8")

    @property
    def plain_task_size(self) -> int:
        """The goal's row and column."""
        return 2

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Row, column and, when the reward comes once, whether it has been paid."""
        paid = (2,) if self.reward == "once" else ()
        return (self.size, self.size, *paid)

    @property
    def start_cell(self) -> tuple[int, int] | None:
        """The (row, column) in which every episode starts; None when it is random."""
        if isinstance(self.start, tuple):
            return self.start
        return {"centre": (self.size // 2, self.size // 2), "corner": (0, 0)}.get(self.start)

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        size = self.size
        start_cell = self.start_cell

        if start_cell is None:

            @register_jitable
            def start(key: Any) -> Any:
                return int32(bounded(key, size)), int32(bounded(subkey(key, 0), size))

        else:
            row, column = start_cell

            @register_jitable
            def start(key: Any) -> Any:
                return int32(row), int32(column)

        if self.reward == "every-step":

            @register_jitable
            def reset(task: Any, episode: Any, key: Any) -> Any:
                return start(key)

        else:

            @register_jitable
            def reset(task: Any, episode: Any, key: Any) -> Any:
                row, column = start(key)
                return row, column, int32(0)

        return reset

    @property
    def starts(self) -> Outcomes:
        """A key for each cell where the start is random."""
        size = self.size
        if self.start_cell is not None:
            return CERTAIN
        return equally_likely(
            size * size, lambda keys: bounded(keys, size) * size + bounded(subkey(keys, 0), size)
        )

    @property
    def goal_sizes(self) -> tuple[int, ...]:
        """Rows and columns."""
        return (self.size, self.size)

    @property
    def drawn_goals(self) -> Callable[..., Any]:
        """The pure function `key -> (row, column)`: any cell."""
        size = self.size

        @register_jitable
        def goal(key: Any) -> Any:
            return int32(bounded(key, size)), int32(bounded(subkey(key, 0), size))

        return goal

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        last = self.size - 1
        order = ACTION_ORDERS[self.action_order]
        up, right, down, left = (order.index(move) for move in MOVES[1:])
        terminate_at_goal = self.terminate_at_goal

        @register_jitable
        def move(state: Any, action: Any) -> Any:
            # Every operation is narrowed to 32 bits: twice the SIMD lanes of the promoted 64.
            row = int32(state[0] + int32(int32(action == down) - int32(action == up)))
            column = int32(state[1] + int32(int32(action == right) - int32(action == left)))
            row = min(max(row, int32(0)), int32(last))
            column = min(max(column, int32(0)), int32(last))
            return row, column

        if self.reward == "every-step":

            @register_jitable
            def step(task: Any, state: Any, action: Any, key: Any) -> Any:
                row, column = move(state, action)
                reward = int32((row == task[0]) & (column == task[1]))
                return (row, column), reward, terminate_at_goal & (reward != 0)

        else:

            @register_jitable
            def step(task: Any, state: Any, action: Any, key: Any) -> Any:
                row, column = move(state, action)
                on_goal = int32((row == task[0]) & (column == task[1]))
                reward = int32(on_goal & int32(int32(1) - state[2]))
                paid = int32(state[2] | on_goal)
                return (row, column, paid), reward, terminate_at_goal & (reward != 0)

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state[0], state[1]

        return observe

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 2]`: the goals' rows and columns."""
        return np.stack(np.divmod(task_ids, self.size), axis=1).astype(np.int32)

    def plain_halves(self, task_ids: np.ndarray) -> np.ndarray:
        """int8 `[N]`: the half that the goal is in."""
        return half_of(self.plain_parameters(task_ids)[:, 1], self.size)

    def plain_label(self, task_id: int) -> str:
        """The goal cell, counted from 0."""
        row, column = divmod(task_id, self.size)
        return f"row {row}, column {column}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The room with its goal."""
        goal = Landmark("goal", 0, *divmod(task_id, self.size))
        return TaskMap(
            self.size, self.size, components=(0, 1), landmarks=(goal,), start=self.start_cell
        )

    def move_label(self, move: int) -> str:
        """The move."""
        return ACTION_ORDERS[self.action_order][move]

    def ideal_learner(self) -> IdealLearner | None:
        """The plan for the paper's room, whatever the order of actions; none for other options."""
        if self != DarkRoom(action_order=self.action_order):
            return None
        return DarkRoomPlan(self, tuple(map(self.action_label, range(len(MOVES)))))

    def plain_optimum(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: straight to the goal and stay; expected over starts when these are random.

        A start on the goal is paid from the first step, as is one beside it.
        """
        rows, columns = self.plain_parameters(task_ids).T
        if self.start_cell is None:
            row_distances = distance_counts(rows, self.size)
            column_distances = distance_counts(columns, self.size)
        else:
            row_distances = one_hot(np.abs(rows - self.start_cell[0]), self.size)
            column_distances = one_hot(np.abs(columns - self.start_cell[1]), self.size)
        steps = np.add.outer(np.arange(self.size), np.arange(self.size)).clip(min=1)
        value = (self.episode_length + 1 - steps).clip(min=0)
        if self.reward == "once" or self.terminate_at_goal:
            value = value.clip(max=1)
        total = np.einsum("nr,nc,rc->n", row_distances, column_distances, value, optimize=True)
        starts = row_distances.sum(axis=1) * column_distances.sum(axis=1)
        return np.asarray(total / starts, np.float64)


def half_of(columns: np.ndarray, size: int) -> np.ndarray:
    """int8: -1 left of the middle of a room, 1 right of it, 0 in a column that is the middle."""
    return np.asarray(np.sign(2 * columns - (size - 1)), np.int8)


def distance_counts(positions: np.ndarray, size: int) -> np.ndarray:
    """float64 `[N, size]`: how many cells of a line are at each distance from the positions."""
    counts = np.zeros((len(positions), size))
    for cell in range(size):
        counts[np.arange(len(positions)), np.abs(positions - cell)] += 1
    return counts


def one_hot(values: np.ndarray, size: int) -> np.ndarray:
    """float64 `[N, size]` with a one at each value."""
    return np.asarray(np.eye(size)[values], np.float64)
