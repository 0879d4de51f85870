"""SquareRoom: what families share whose agent walks over the cells of a square room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import BeforeValidator, Field, model_validator

from adfast.errors import InvalidArgument, shown
from adfast.random_draws import bounded, subkey
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely
from adfast.tasks.gridworlds.gridworld import Gridworld

MOVES = ("no-op", "up", "right", "down", "left")
ACTION_ORDERS = {
    "adfast": MOVES,
    "dpt": ("down", "up", "right", "left", "no-op"),
}

Index = Annotated[int, Field(ge=0)]
# A pair, which TOML spells as a list.
Cell = Annotated[
    tuple[Index, Index], BeforeValidator(lambda cell: tuple(cell) if type(cell) is list else cell)
]
Start = Literal["centre", "corner", "random"] | Cell
ActionOrder = Literal["adfast", "dpt"]


class SquareRoom(Gridworld):
    """Rows and as many columns, moves that end at the walls, and a cell where episodes begin."""

    if TYPE_CHECKING:  # options of every subclass, in the order in which stores describe it
        size: int
        start: Start
        action_order: ActionOrder

    @model_validator(mode="after")
    def _start_is_in_the_room(self) -> Self:
        if isinstance(self.start, tuple) and not max(self.start) < self.size:
            raise InvalidArgument(
                f"start must be a (row, column) in 0..{self.size - 1}, got {shown(self.start)}"
            )
        return self

    @property
    def start_cell(self) -> tuple[int, int] | None:
        """The (row, column) in which every episode starts; None when it is random."""
        if isinstance(self.start, tuple):
            return self.start
        return {"centre": (self.size // 2, self.size // 2), "corner": (0, 0)}.get(self.start)

    @property
    def begin(self) -> Callable[..., Any]:
        """The pure function `key -> (row, column)` of the first cell of an episode."""
        size = self.size
        if self.start_cell is None:

            @register_jitable
            def begin_anywhere(key: Any) -> Any:
                return int32(bounded(key, size)), int32(bounded(subkey(key, 0), size))

            return begin_anywhere
        row, column = self.start_cell

        @register_jitable
        def begin(key: Any) -> Any:
            return int32(row), int32(column)

        return begin

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
    def move(self) -> Callable[..., Any]:
        """The pure function `(row, column, action) -> (row, column)`."""
        last = self.size - 1
        order = ACTION_ORDERS[self.action_order]
        up, right, down, left = (order.index(move) for move in MOVES[1:])

        @register_jitable
        def move(row: Any, column: Any, action: Any) -> Any:
            # Every operation is narrowed to 32 bits: twice the SIMD lanes of the promoted 64.
            row = int32(row + int32(int32(action == down) - int32(action == up)))
            column = int32(column + int32(int32(action == right) - int32(action == left)))
            return min(max(row, int32(0)), int32(last)), min(max(column, int32(0)), int32(last))

        return move

    def move_label(self, move: int) -> str:
        """The move."""
        return ACTION_ORDERS[self.action_order][move]

    def starts_by_steps(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """float64 `[N, 2 * size]`: from how many starts the cells are so many steps away.

        A cell is entered: whoever starts on it needs one step, as whoever starts beside it.
        """
        if self.start_cell is None:
            by_rows, by_columns = (distance_counts(line, self.size) for line in (rows, columns))
        else:
            start_row, start_column = self.start_cell
            by_rows = one_hot(np.abs(rows - start_row), self.size)
            by_columns = one_hot(np.abs(columns - start_column), self.size)
        counts = np.zeros((len(rows), 2 * self.size))
        for distance in range(self.size):
            counts[:, distance : distance + self.size] += by_rows[:, distance, None] * by_columns
        counts[:, 1] += counts[:, 0]
        counts[:, 0] = 0
        return counts


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
