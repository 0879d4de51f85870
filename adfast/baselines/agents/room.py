"""Room: what agents know who walk over the cells of a square room and see where they are.

Axes: M environments, A actions.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from adfast.baselines.agents.rules_agent import require_family
from adfast.errors import InvalidArgument
from adfast.machine.compiled_code import compiled
from adfast.tasks.family import TaskFamily
from adfast.tasks.gridworlds.square_room import SquareRoom
from adfast.tasks.transition_schema import TransitionSchema

MAX_CELLS = 4096  # of which each pair has a distance
FAR = np.int16(2**14)  # steps, more than there can be
DISPLACEMENTS = {"no-op": (0, 0), "up": (-1, 0), "right": (0, 1), "down": (1, 0), "left": (0, -1)}


@dataclass(frozen=True)
class Room:
    """Where actions lead, and how far cells are from each other.

    `after` int64 `[cells, A]`, `distance` int16 `[cells, cells]`. What is seen beside the position,
    such as the number of a room or that a key is held, is numbered, too: a view of `num_views`.
    """

    after: np.ndarray
    distance: np.ndarray
    sizes: tuple[int, ...]  # of observations

    @property
    def num_cells(self) -> int:
        """Cells of the room."""
        return len(self.after)

    @property
    def num_views(self) -> int:
        """What can be seen in a cell."""
        return int(np.prod(self.sizes[2:], dtype=np.int64))

    def locate(self, observation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[M]` cells and views of `observation` `[M, C]`."""
        cell = observation[:, 0] * self.sizes[1] + observation[:, 1]
        view = np.zeros_like(cell)
        for component, size in zip(observation.T[2:], self.sizes[2:], strict=True):
            view = view * size + component
        return cell, view

    def towards(self, cell: np.ndarray, target: np.ndarray) -> np.ndarray:
        """bool `[M, A]`: the first actions of all shortest ways from `cell` to `target`.

        In the target these are the actions that stay there.
        """
        left = self.distance[self.after[cell], target[:, None]]
        return np.asarray(left == left.min(axis=1, keepdims=True))

    def towards_nearest(self, cell: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """bool `[M, A]`: the first actions of all shortest ways to a cell of `wanted` `[M, cells]`.

        A cell must be entered: who stands in one has still to stay, or to go on to another.
        """
        left = np.empty((len(cell), self.after.shape[1]), np.int16)
        steps_left(self.after, self.distance, cell, wanted, left)
        return np.asarray(left == left.min(axis=1, keepdims=True))


@compiled
def steps_left(
    after: np.ndarray, distance: np.ndarray, cell: np.ndarray, wanted: np.ndarray, left: np.ndarray
) -> None:
    """Fill `left` int16 `[M, A]`: how far the nearest cell that is `wanted` is after an action."""
    for place in range(cell.shape[0]):
        for action in range(after.shape[1]):
            reached, nearest = after[cell[place], action], FAR
            for goal in range(distance.shape[1]):
                away = distance[reached, goal] if wanted[place, goal] else FAR
                nearest = min(nearest, away)
            left[place, action] = nearest


@cache
def room_of(name: str, family: TaskFamily | None, schema: TransitionSchema) -> Room:
    """The room of `family`; raises `InvalidArgument` where the agent `name` is not defined."""
    family = require_family(name, family, schema)
    if not isinstance(family, SquareRoom):
        raise InvalidArgument(
            f"{name} walks over the cells of a square room and must see where it is, which "
            f"{family.name} does not offer; use a family such as dark-room, or another agent"
        )
    if family.permute_actions:
        raise InvalidArgument(
            f"{name} knows what its actions do, which permute_actions makes part of the task; turn "
            "that off, or use another agent"
        )
    if family.size**2 > MAX_CELLS:
        raise InvalidArgument(
            f"{name} walks in rooms of at most {MAX_CELLS:,} cells, but {family.name} has "
            f"{family.size**2:,}; lower size"
        )
    rows, columns = np.divmod(np.arange(family.size**2), family.size)
    moves = [DISPLACEMENTS[family.move_label(action)] for action in range(family.num_actions)]
    down, right = np.array(moves).T
    last = family.size - 1
    after = (rows[:, None] + down).clip(0, last) * family.size
    after += (columns[:, None] + right).clip(0, last)
    distance = np.abs(rows[:, None] - rows) + np.abs(columns[:, None] - columns)
    return Room(after, distance.astype(np.int16), family.observation_sizes)
