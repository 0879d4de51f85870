"""Dark House: several dark rooms, each with a goal of its own to remember.

A task is a house. Every episode is spent in one of its rooms, drawn at random when the episode
begins. The observation is (row, column, room): which room it is can be seen, where its goal lies
cannot. What was found out about a room is of use again only when that room comes up, `rooms`
episodes later on average; an agent that looks back on k episodes has met the room that it is in
with probability 1 - (1 - 1/rooms)**k. So more context must help, and by how much is known. A house
of one room is Dark Room.

The goal of a room is a pure function of (house, room), drawn uniformly over its cells: there may be
any number of either. Every option of Dark Room holds for every room. Twin:
`tests/reference/dark_house.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from numba import int32, uint32
from numba.extending import register_jitable
from pydantic import Field, model_validator

from adfast.errors import InvalidArgument
from adfast.random_draws import bounded, step_key, subkey
from adfast.random_streams import TASK_CONTENT, step_keys, stream_keys
from adfast.tasks.compiled.outcomes import Outcomes, equally_likely
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.gridworlds.gridworld import VARIANTS
from adfast.tasks.gridworlds.square_room import MOVES
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

MAX_ROOMS = 65_536
MAX_HOUSES = 2**24


class DarkHouse(DarkRoom):
    """Remember the goals of dark rooms, one in each; task id = number of the house.

    The goals of a house do not depend on how many other houses, or further rooms, there are.
    """

    name: ClassVar[str] = "dark-house"

    rooms: int = Field(8, ge=1, le=MAX_ROOMS)
    """Rooms of a house, in one of which each episode is spent."""

    houses: int = Field(1024, ge=1, le=MAX_HOUSES)
    """Number of tasks."""

    @model_validator(mode="after")
    def _goals_stay(self) -> Self:
        if self.goal_moves_every:
            raise InvalidArgument(
                f"goal_moves_every must be 0 in {self.name}, whose goals stay to be remembered, "
                f"got {self.goal_moves_every}; use dark-room"
            )
        return self

    @cached_property
    def room(self) -> DarkRoom:
        """A single room of these options."""
        options = [name for name in DarkRoom.model_fields if name not in VARIANTS]
        return DarkRoom(**{option: getattr(self, option) for option in options})

    @property
    def plain_num_tasks(self) -> int:
        """Number of houses."""
        return self.houses

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row, column and room as observation, five actions, rewards 0 or 1."""
        observation = DiscreteObservation((self.size, self.size, self.rooms))
        return TransitionSchema(observation, len(MOVES), self.episode_length, "uint8")

    @property
    def plain_task_size(self) -> int:
        """The offset and the mask of the stream that the goals are drawn from."""
        return 2

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Those of Dark Room, then the room's number."""
        return (*self.room.state_sizes, self.rooms)

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        enter = self.room.reset
        rooms = self.rooms

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            # Subkey 0 is the room's own, for a random start.
            return (*enter(task, episode, key), int32(bounded(subkey(key, 1), rooms)))

        return reset

    @property
    def starts(self) -> Outcomes:
        """A key for each room and, where the start is random, cell."""
        size, rooms = self.size, self.rooms
        if self.start_cell is not None:
            return equally_likely(rooms, lambda keys: bounded(subkey(keys, 1), rooms))
        return equally_likely(
            size * size * rooms,
            lambda keys: (
                (bounded(keys, size) * size + bounded(subkey(keys, 0), size)) * rooms
                + bounded(subkey(keys, 1), rooms)
            ),
        )

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        step_in_room = self.room.step
        size, num_cells = self.size, self.size * self.size

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            word = step_key(uint32(task[0]), uint32(task[1]), uint32(state[-1]))
            cell = bounded(word, num_cells)
            row = uint32(cell // uint32(size))
            goal = int32(row), int32(cell - uint32(row * uint32(size)))
            inside, reward, terminated = step_in_room(goal, state[:-1], action, key)
            return (*inside, state[-1]), reward, terminated

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column, room)`."""

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state[0], state[1], state[-1]

        return observe

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, 2]`: the words of the houses' streams."""
        words = stream_keys(0, TASK_CONTENT, task_ids)
        return np.stack(words, axis=1).view(np.int32)

    def goal_cells(self, task_ids: np.ndarray) -> np.ndarray:
        """int64 `[N, rooms]`: the goals, each as row * size + column."""
        streams = self.plain_parameters(self.parts_of(task_ids)[0]).view(np.uint32)
        keys = np.array(
            [step_keys(offset, mask, self.rooms) for offset, mask in streams], np.uint64
        ).reshape(-1, self.rooms)
        return (keys * np.uint64(self.size * self.size) >> np.uint64(32)).astype(np.int64)

    def plain_halves(self, task_ids: np.ndarray) -> np.ndarray:
        """None: a house has goals in both halves of its rooms."""
        return super(DarkRoom, self).plain_halves(task_ids)

    def plain_label(self, task_id: int) -> str:
        """The house's number."""
        return f"house {task_id}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The rooms, each with its goal."""
        goals = self.goal_cells(np.array([task_id]))[0].tolist()
        return TaskMap(
            self.size,
            self.size,
            components=(0, 1, 2),
            landmarks=tuple(
                Landmark("goal", room, *divmod(cell, self.size)) for room, cell in enumerate(goals)
            ),
            rooms=self.rooms,
        )

    def plain_optimum(self, task_ids: np.ndarray) -> np.ndarray:
        """float64 `[N]`: that of Dark Room, expected over the rooms."""
        by_cell = self.room.optimal_return(np.arange(self.room.num_tasks))
        return np.asarray(by_cell[self.goal_cells(task_ids)].mean(axis=1), np.float64)
