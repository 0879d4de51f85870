"""SquareRoom: what families share whose agent walks over the cells of a square room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Self

import numpy as np
from numba import int32
from numba.extending import register_jitable
from pydantic import model_validator

from adfast.errors import InvalidArgument, shown
from adfast.random_draws import bounded, subkey
from adfast.tasks.compiled.outcomes import CERTAIN, Outcomes, equally_likely
from adfast.tasks.gridworlds.dark_room import ACTION_ORDERS, MOVES, Cell
from adfast.tasks.gridworlds.gridworld import Gridworld


class SquareRoom(Gridworld):
    """Rows and as many columns, moves that end at the walls, and a cell where episodes begin."""

    size: int
    """Rows, and as many columns."""

    start: Literal["centre", "corner", "random"] | Cell = "centre"
    """Where episodes begin; corner: the first row and column; random: any; or (row, column)."""

    action_order: Literal["adfast", "dpt"] = "adfast"
    """adfast: no-op, up, right, down, left; dpt: down, up, right, left, no-op."""

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

    def steps_to(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """float64 `[N, 2 * size]`: how likely an episode starts so many steps from the cells.

        A cell is entered: whoever starts on it needs one step, as whoever starts beside it.
        """
        starts = np.arange(self.size * self.size)
        if self.start_cell is not None:
            starts = np.array([self.start_cell[0] * self.size + self.start_cell[1]])
        start_rows, start_columns = np.divmod(starts, self.size)
        shares = np.zeros((len(rows), 2 * self.size))
        for row, column in zip(start_rows.tolist(), start_columns.tolist(), strict=True):
            steps = (np.abs(rows - row) + np.abs(columns - column)).clip(min=1)
            shares[np.arange(len(rows)), steps] += 1 / len(starts)
        return shares
