"""TaskMap: a task as a plan of rooms and cells that a person can watch an agent on."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    rows: int
    columns: int
    components: tuple[int, ...]
    landmarks: tuple[Landmark, ...]
    rooms: int = 1
    start: tuple[int, int] | None = None

    def goals(self, room: int = 0) -> list[tuple[int, int]]:
        """The (row, column) of the goals in a room."""
        return [
            (mark.row, mark.column)
            for mark in self.landmarks
            if mark.name == GOAL and mark.room == room
        ]
