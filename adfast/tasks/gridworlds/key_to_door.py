"""Dark Key-to-Door: find an invisible key, then an invisible door, seeing only where one stands.

The task is the cell of the key and that of the door, which may coincide; the observation is (row,
column). Entering the key's cell takes the key and pays 1, once; entering the door's cell with the
key pays 1, once. Who takes the key on the door's cell is paid both in one step. The variants of
other projects are options:

- as published: the defaults.
- a smaller room, or a shorter episode: `size=8`, `episode_length=40`.
- an episode that ends at the door: `terminate_at_goal=True`.

Source: Laskin et al. 2022, arXiv 2210.14215. Twin: `tests/reference/key_to_door.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field

from adfast.config import CountOrNone
from adfast.random_draws import bounded, subkey
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.square_room import (
    MOVES,
    ActionOrder,
    SquareRoom,
    Start,
    half_of,
)
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

MAX_SIZE = 64  # of which there are 16,777,216 tasks
# The columns of `task_parameters`.
KEY_ROW, KEY_COLUMN, DOOR_ROW, DOOR_COLUMN = range(4)
# The third component of the state: how far an episode has come.
SEARCHING, HAS_KEY, HAS_OPENED = range(3)


class KeyToDoor(SquareRoom):
    """Find a key, then a door; task id = cell of the key * size**2 + cell of the door."""

    name: ClassVar[str] = "key-to-door"

    size: int = Field(9, ge=1, le=MAX_SIZE)
    """Rows, and as many columns."""

    start: Start = "random"
    """Where episodes begin; corner: the first row and column; random: any; or (row, column)."""

    action_order: ActionOrder = "adfast"
    """adfast: no-op, up, right, down, left; dpt: down, up, right, left, no-op."""

    episode_length: EpisodeLength = 50
    """Steps of an episode."""

    key_observed: bool = False
    """Whether the observation says that the key was taken."""

    terminate_at_goal: bool = False
    """Whether opening the door ends the episode."""

    goal_moves_every: CountOrNone = 0
    """After how many episodes of a history key and door lie elsewhere; 0: never."""

    @property
    def plain_num_tasks(self) -> int:
        """Number of pairs of cells."""
        return self.size**4

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row, column and by option the key as observation, five actions, rewards 0 to 2."""
        key = (2,) if self.key_observed else ()
        observation = DiscreteObservation((self.size, self.size, *key))
        return TransitionSchema(observation, len(MOVES), self.episode_length, "uint8")

    @property
    def plain_task_size(self) -> int:
        """Row and column of the key, then of the door."""
        return 4

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Row, column, and how far the episode has come: nothing, the key, the door."""
        return (self.size, self.size, 3)

    @property
    def goal_sizes(self) -> tuple[int, ...]:
        """Rows and columns of the key and of the door."""
        return (self.size,) * 4

    @property
    def drawn_goals(self) -> Callable[..., Any]:
        """The pure function `key -> (row, column, row, column)`: any cell, and any cell."""
        size = self.size

        @register_jitable
        def key_and_door(key: Any) -> Any:
            taken_at = int32(bounded(key, size)), int32(bounded(subkey(key, 0), size))
            return (
                *taken_at,
                int32(bounded(subkey(key, 1), size)),
                int32(bounded(subkey(key, 2), size)),
            )

        return key_and_door

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        begin = self.begin

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            row, column = begin(key)
            return row, column, int32(SEARCHING)

        return reset

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        move = self.move
        terminate_at_goal = self.terminate_at_goal

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            row, column = move(state[0], state[1], action)
            before = state[2]
            on_key = int32((row == task[KEY_ROW]) & (column == task[KEY_COLUMN]))
            on_door = int32((row == task[DOOR_ROW]) & (column == task[DOOR_COLUMN]))
            took = int32(on_key & int32(before == SEARCHING))
            progress = int32(before + took)
            opened = int32(on_door & int32(progress == HAS_KEY))
            after = int32(progress + opened)
            return (row, column, after), int32(took + opened), terminate_at_goal & (opened != 0)

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column)`, by option with the key."""
        if self.key_observed:

            @register_jitable
            def observe_key(task: Any, state: Any) -> Any:
                return state[0], state[1], int32(state[2] != SEARCHING)

            return observe_key

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state[0], state[1]

        return observe

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 4]`: row and column of the key, row and column of the door."""
        cells = np.divmod(task_ids, self.size**2)
        columns = [component for cell in cells for component in np.divmod(cell, self.size)]
        return np.stack(columns, axis=1).astype(np.int32)

    def plain_halves(self, task_ids: np.ndarray) -> np.ndarray:
        """int8 `[N]`: the half that both key and door are in, 0 where there is none."""
        columns = self.plain_parameters(task_ids)[:, [KEY_COLUMN, DOOR_COLUMN]]
        of_key, of_door = half_of(columns, self.size).T
        return np.where(of_key == of_door, of_key, np.int8(0))

    def plain_label(self, task_id: int) -> str:
        """The cells of key and door, counted from 0."""
        key, door = self._key_and_door(task_id)
        return f"key in row {key[0]}, column {key[1]}, door in row {door[0]}, column {door[1]}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The room with its key and its door."""
        key, door = self._key_and_door(task_id)
        landmarks = (Landmark("key", 0, *key), Landmark("door", 0, *door))
        return TaskMap(
            self.size, self.size, components=(0, 1), landmarks=landmarks, start=self.start_cell
        )

    def plain_optimum(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: straight to the key, then to the door; expected over random starts.

        It is 2 wherever an episode is long enough for both from every start.
        """
        key_rows, key_columns, door_rows, door_columns = self.plain_parameters(task_ids).T
        starts = self.starts_by_steps(key_rows, key_columns)
        to_key = np.arange(starts.shape[1])
        between = np.abs(key_rows - door_rows) + np.abs(key_columns - door_columns)
        has_key = to_key <= self.episode_length
        has_opened = to_key + between[:, None] <= self.episode_length
        paid = (starts * (has_key + 1.0 * has_opened)).sum(axis=1)
        return np.asarray(paid / starts.sum(axis=1), np.float64)

    def _key_and_door(self, task_id: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The (row, column) of the key and of the door."""
        key_row, key_column, *door = self.plain_parameters(np.array([task_id]))[0].tolist()
        return (key_row, key_column), (door[0], door[1])
