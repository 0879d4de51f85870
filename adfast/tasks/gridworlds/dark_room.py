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
from typing import Any, ClassVar, Literal

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import CountOrNone
from adfast.random_draws import bounded, subkey
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.dark_room_plan import DarkRoomPlan
from adfast.tasks.gridworlds.square_room import (
    MOVES,
    ActionOrder,
    SquareRoom,
    Start,
    half_of,
)
from adfast.tasks.ideal_learner import IdealLearner
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

MAX_SIZE = 4096


class DarkRoom(SquareRoom):
    """Find an invisible cell of a grid; task id = goal row * size + goal column."""

    name: ClassVar[str] = "dark-room"

    size: int = Field(9, ge=1, le=MAX_SIZE)
    """Rows, and as many columns."""

    episode_length: EpisodeLength = 20
    """Steps of an episode."""

    start: Start = "centre"
    """Where episodes begin; corner: the first row and column; random: any; or (row, column)."""

    reward: Literal["every-step", "once"] = "every-step"
    """Whether every step that ends on the goal pays 1, or only the first one of an episode."""

    terminate_at_goal: bool = False
    """Whether the first reward ends the episode."""

    action_order: ActionOrder = "adfast"
    """adfast: no-op, up, right, down, left; dpt: down, up, right, left, no-op."""

    goal_moves_every: CountOrNone = 0
    """After how many episodes of a history the goal lies elsewhere; 0: never."""

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
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        begin = self.begin

        if self.reward == "every-step":

            @register_jitable
            def reset(task: Any, episode: Any, key: Any) -> Any:
                return begin(key)

        else:

            @register_jitable
            def reset(task: Any, episode: Any, key: Any) -> Any:
                row, column = begin(key)
                return row, column, int32(0)

        return reset

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
        move = self.move
        terminate_at_goal = self.terminate_at_goal

        if self.reward == "every-step":

            @register_jitable
            def step(task: Any, state: Any, action: Any, key: Any) -> Any:
                row, column = move(state[0], state[1], action)
                reward = int32((row == task[0]) & (column == task[1]))
                return (row, column), reward, terminate_at_goal & (reward != 0)

        else:

            @register_jitable
            def step(task: Any, state: Any, action: Any, key: Any) -> Any:
                row, column = move(state[0], state[1], action)
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

    def ideal_learner(self) -> IdealLearner | None:
        """The plan for the paper's room, whatever the order of actions; none for other options."""
        if self != DarkRoom(action_order=self.action_order):
            return None
        return DarkRoomPlan(self, tuple(map(self.action_label, range(len(MOVES)))))

    def plain_optimum(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: straight to the goal and stay; expected over starts when these are random.

        A start on the goal is paid from the first step, as is one beside it.
        """
        starts = self.starts_by_steps(*self.plain_parameters(task_ids).T)
        value = (self.episode_length + 1.0 - np.arange(starts.shape[1])).clip(min=0)
        if self.reward == "once" or self.terminate_at_goal:
            value = value.clip(max=1)
        return np.asarray(starts @ value / starts.sum(axis=1), np.float64)
