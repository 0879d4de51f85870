"""TaskMap: a task as a plan of rooms and cells that a person can watch an agent on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

GOAL = "goal"  # the name of a landmark


@dataclass(frozen=True)
class Landmark:
    """A named cell, such as the goal of room `room`."""

    name: str
    room: int
    row: int
    column: int


@dataclass(frozen=True)
class TaskMap:
    """`rooms` rooms of `rows` x `columns` cells each, and what lies where in this task.

    `components` says which components of the observation are the agent's row, its column and, where
    there is more than one room, the number of the room that it is in. A landmark called "goal" is
    where a task pays; `start` (row, column) is the cell where every episode of a single room
    begins, if it is always the same.

    Where positions are finer than cells, `per_cell` of them lie in one; `upward` ones count rows
    from the last, so that north is on top. `heading` is the component that says, in degrees, which
    way the agent looks, 0 being to the right and 90 up.
    """

    rows: int
    columns: int
    components: tuple[int, ...]
    landmarks: tuple[Landmark, ...]
    rooms: int = 1
    start: tuple[int, int] | None = None
    per_cell: int = 1
    upward: bool = False
    heading: int | None = None

    def places(self, observation: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """int64 `[...]`: rows and columns that are seen in `observation` `[..., components]`."""
        rows, columns = (
            np.asarray(observation[..., component], np.int64) // self.per_cell
            for component in self.components[:2]
        )
        return self.rows - 1 - rows if self.upward else rows, columns

    def goals(self, room: int = 0) -> list[tuple[int, int]]:
        """The (row, column) of the goals in a room."""
        return [
            (mark.row, mark.column)
            for mark in self.landmarks
            if mark.name == GOAL and mark.room == room
        ]
