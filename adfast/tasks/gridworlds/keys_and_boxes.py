"""Keys and Boxes: which key opens which box, where do they lie, and what do boxes hold?

Keys and locked boxes of as many colours lie in cells of a room; all that is seen is where one
stands. Entering the cell of a key takes it, entering that of a box with the key of its colour opens
it: the key is used up, and what the box holds is a reward of 1, a further key, which is then held,
or nothing. One key is held at a time: who takes a second loses the first, and with it whatever it
would have led to. An episode that lost something so has come to a *dead end*. Going where a reward
was paid before is no use without the key.

With `interface="dark-room"` everything that an agent can see is Dark Room's: observation, actions,
room and length of an episode. So a model that was trained there can act here, where the task is of
another kind. A task is drawn from its id, a pure function of it, and its layout stays: there is no
`goal_moves_every`. Source of the rules: the keys of DeepMind Lab's `rooms_keys_doors_puzzle`, of
which one is held at a time, for one use. Twin: `tests/reference/keys_and_boxes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import Field, model_validator

from adfast.errors import InvalidArgument, shown
from adfast.tasks.family import EpisodeLength
from adfast.tasks.gridworlds.dark_room import DarkRoom
from adfast.tasks.gridworlds.puzzles import (
    COLOURS,
    KEY,
    NOTHING,
    REWARD,
    Puzzles,
    drawn_puzzles,
    has_lost_worth,
)
from adfast.tasks.gridworlds.square_room import MOVES, ActionOrder, SquareRoom, Start
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.task_map import Landmark, TaskMap
from adfast.tasks.transition_schema import TransitionSchema

MAX_SIZE = 16
MAX_PUZZLES = 2**27
NO_KEY = 0  # what is held; colour c is 1 + c
DARK_ROOM = DarkRoom()


class KeysAndBoxes(SquareRoom):
    """Find out which key opens which box, and what is inside; task id = number of the puzzle.

    A puzzle does not depend on how many others there are.
    """

    name: ClassVar[str] = "keys-and-boxes"

    size: int = Field(9, ge=2, le=MAX_SIZE)
    """Rows, and as many columns."""

    start: Start = "centre"
    """Where episodes begin; corner: the first row and column; random: any; or (row, column)."""

    action_order: ActionOrder = "adfast"
    """adfast: no-op, up, right, down, left; dpt: down, up, right, left, no-op."""

    episode_length: EpisodeLength = 50
    """Steps of an episode; where `interface` is that of Dark Room, Dark Room's 20."""

    boxes: int = Field(3, ge=1, le=len(COLOURS))
    """Boxes, and as many keys, each of which opens one of them."""

    boxed_keys: int = Field(1, ge=0, lt=len(COLOURS))
    """Boxes that hold a key; the other keys lie in the room."""

    rewards: int = Field(2, ge=1, le=len(COLOURS))
    """Boxes that hold a reward; what is then left of them holds nothing."""

    held_observed: bool = False
    """Whether the observation says which key is held."""

    interface: Literal["own", "dark-room"] = "own"
    """dark-room: observation, actions, room and length of an episode are Dark Room's."""

    puzzles: int = Field(2**20, ge=1, le=MAX_PUZZLES)
    """Number of tasks."""

    @model_validator(mode="before")
    @classmethod
    def _length_is_that_of_the_interface(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or str(values.get("interface")) != "dark-room":
            return values
        return {"episode_length": DARK_ROOM.episode_length, **values}

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        closed = self.boxes - self.boxed_keys
        if closed < 1:
            raise InvalidArgument(
                f"boxed_keys must be below boxes, {self.boxes}, so that a key lies in the room, "
                f"got {self.boxed_keys}"
            )
        if self.rewards > closed:
            raise InvalidArgument(
                f"rewards must be at most {closed}, the boxes that hold no key, got "
                f"{self.rewards}; take more boxes, or lower boxed_keys"
            )
        if self.boxes + closed > self.size**2:
            raise InvalidArgument(
                f"size must give each of {closed} keys and {self.boxes} boxes a cell of its own, "
                f"got {self.size}"
            )
        if self.interface == "dark-room":
            for option, value in (
                ("size", DARK_ROOM.size),
                ("episode_length", DARK_ROOM.episode_length),
                ("held_observed", False),
            ):
                if getattr(self, option) != value:
                    raise InvalidArgument(
                        f'{option} must be {value} where interface is "dark-room", got '
                        f"{shown(getattr(self, option))}; leave it out"
                    )
        return self

    @property
    def plain_num_tasks(self) -> int:
        """Number of puzzles."""
        return self.puzzles

    @property
    def lying_keys(self) -> int:
        """Keys that lie in the room; their colours are the first ones."""
        return self.boxes - self.boxed_keys

    @property
    def plain_schema(self) -> TransitionSchema:
        """Row, column and by option the held key as observation, five actions, rewards 0 or 1."""
        held = (1 + self.boxes,) if self.held_observed else ()
        observation = DiscreteObservation((self.size, self.size, *held))
        return TransitionSchema(observation, len(MOVES), self.episode_length, "uint8")

    @property
    def plain_task_size(self) -> int:
        """Cells of the lying keys, cells of the boxes, contents of the boxes."""
        return self.lying_keys + 2 * self.boxes

    @property
    def plain_state_sizes(self) -> tuple[int, ...]:
        """Row, column, the held key, and bit c for a lying key of colour c that was taken.

        Which boxes are open need not be known: a key was used if it was taken and is not held, and
        then its box is open, or it was lost, and then nothing opens that.
        """
        return (self.size, self.size, 1 + self.boxes, 2**self.lying_keys)

    @property
    def plain_reset(self) -> Callable[..., Any]:
        """The pure function `(task, episode, key) -> state`."""
        begin = self.begin

        @register_jitable
        def reset(task: Any, episode: Any, key: Any) -> Any:
            row, column = begin(key)
            return row, column, int32(NO_KEY), int32(0)

        return reset

    @property
    def plain_step(self) -> Callable[..., Any]:
        """The pure function `(task, state, action, key) -> (state, reward, terminated)`."""
        move, size = self.move, self.size
        take_key = key_taker(self.lying_keys)
        open_box = box_opener(self.boxes, self.lying_keys, self.lying_keys + self.boxes)

        @register_jitable
        def step(task: Any, state: Any, action: Any, key: Any) -> Any:
            row, column = move(state[0], state[1], action)
            cell = int32(int32(row * int32(size)) + column)
            held, taken = take_key(task, cell, state[2], state[3])
            held, reward = open_box(task, cell, held)
            return (row, column, held, taken), reward, False

        return step

    @property
    def plain_observe(self) -> Callable[..., Any]:
        """The pure function `(task, state) -> (row, column)`, by option with the held key."""
        if self.held_observed:

            @register_jitable
            def observe_held(task: Any, state: Any) -> Any:
                return state[0], state[1], state[2]

            return observe_held

        @register_jitable
        def observe(task: Any, state: Any) -> Any:
            return state[0], state[1]

        return observe

    def drawn(self, task_ids: np.ndarray) -> Puzzles:
        """The puzzles of the tasks."""
        plain_ids = self.parts_of(task_ids)[0]
        return drawn_puzzles(plain_ids, self.size**2, self.boxes, self.boxed_keys, self.rewards)

    def plain_parameters(self, task_ids: np.ndarray) -> np.ndarray:
        """int32 `[N, task_size]`: cells of the lying keys, cells and then contents of the boxes."""
        return np.concatenate(self.drawn(task_ids), axis=1).astype(np.int32)

    def plain_label(self, task_id: int) -> str:
        """The puzzle's number."""
        return f"puzzle {task_id}"

    def plain_map(self, task_id: int) -> TaskMap:
        """The room with its keys, its boxes and what these hold."""
        keys, boxes, contents = (part[0].tolist() for part in self.drawn(np.array([task_id])))
        named = [(f"{COLOURS[colour]} key", cell) for colour, cell in enumerate(keys)]
        for colour, (cell, inside) in enumerate(zip(boxes, contents, strict=True)):
            held = {NOTHING: "nothing", REWARD: "a reward"}.get(inside)
            held = held or f"the {COLOURS[inside - KEY]} key"
            named.append((f"{COLOURS[colour]} box with {held}", cell))
        landmarks = tuple(Landmark(what, 0, *divmod(cell, self.size)) for what, cell in named)
        return TaskMap(
            self.size, self.size, components=(0, 1), landmarks=landmarks, start=self.start_cell
        )

    def dead_ends(self, task_ids: np.ndarray, observations: np.ndarray) -> np.ndarray:
        """bool `[N]`: whether an episode has lost a key that led to a reward."""
        rows = observations[:, 1:, 0].astype(np.int64)
        return has_lost_worth(self.drawn(task_ids), rows * self.size + observations[:, 1:, 1])


def key_taker(count: int) -> Callable[..., Any]:
    """The function `(task, cell, held, taken) -> (held, taken)` for the first `count` keys."""
    if count == 0:

        @register_jitable
        def take_none(task: Any, cell: Any, held: Any, taken: Any) -> Any:
            return held, taken

        return take_none
    colour = count - 1
    take_before = key_taker(colour)

    @register_jitable
    def take(task: Any, cell: Any, held: Any, taken: Any) -> Any:
        held, taken = take_before(task, cell, held, taken)
        takes = int32(int32(cell == task[colour]) & int32(~int32(taken >> int32(colour))))
        taken = int32(taken | int32(takes << int32(colour)))
        return int32(1 + colour) if takes else held, taken

    return take


def box_opener(count: int, first_box: int, first_content: int) -> Callable[..., Any]:
    """The function `(task, cell, held) -> (held, reward)` for the first `count` boxes."""
    if count == 0:

        @register_jitable
        def open_none(task: Any, cell: Any, held: Any) -> Any:
            return held, int32(0)

        return open_none
    colour = count - 1
    box, content = first_box + colour, first_content + colour
    open_before = box_opener(colour, first_box, first_content)

    @register_jitable
    def open_box(task: Any, cell: Any, held: Any) -> Any:
        held, reward = open_before(task, cell, held)
        opens = int32(int32(cell == task[box]) & int32(held == 1 + colour))
        reward = int32(reward + int32(opens & int32(task[content] == REWARD)))
        inside = max(int32(task[content] - int32(KEY - 1)), int32(NO_KEY))
        return inside if opens else held, reward

    return open_box
