"""TaskMap: a task as a plan of rooms and cells that a person can watch an agent on."""

from __future__ import annotations

from dataclasses import dataclass


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
    there is more than one room, the number of the room that it is in.
    """

    rows: int
    columns: int
    components: tuple[int, ...]
    landmarks: tuple[Landmark, ...]
    rooms: int = 1
