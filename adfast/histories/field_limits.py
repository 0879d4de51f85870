"""FieldLimits: whether the numbers of all fields of many rows are what their schema allows.

Floats must be finite and counted values below their sizes. One native pass over the fields; its
definition is `first_misfit` in `tests/reference/field_limits.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from adfast import _native
from adfast.errors import InvalidArgument
from adfast.tasks.fields import Field
from adfast.values import rule_of


class FieldLimits:
    """What the numbers of `fields` may be; where `in_float32`, float64 must be finite there too."""

    def __init__(self, fields: Mapping[str, Field], *, in_float32: bool = False) -> None:
        self._fields = dict(fields)
        self._in_float32 = in_float32
        self._limits = _native.FieldLimits(
            [
                (field.dtype.name, math.prod(field.shape), greatest_numbers(field))
                for field in fields.values()
            ],
            in_float32,
        )

    def require(
        self,
        arrays: Sequence[np.ndarray],
        num_rows: int,
        row_items: int,
        place: Callable[[int, int], str],
        *,
        lengths: np.ndarray | None = None,
    ) -> None:
        """Raise `InvalidArgument` for the first number that its field may not hold.

        `arrays`, one for each field, are C-contiguous `[num_rows, row_items, *item]` of the field's
        dtype; of row r the first `lengths[r]` (uint64) items count. `place(row, item)` says where
        an item lies, in words.
        """
        misfit = self._limits.first_misfit(arrays, num_rows, row_items, lengths)
        if misfit is None:
            return
        index, row, item = misfit
        name = list(self._fields)[index]
        field = self._fields[name]
        numbers = arrays[index].reshape(num_rows, row_items, -1)[row, item]
        fits = self._fits(field, numbers)
        number = int(np.flatnonzero(~fits)[0])
        dtype = np.dtype(np.float32) if self._in_float32 else field.dtype
        size = None if field.sizes is None else field.sizes[number]
        which = f"[{number}]" if numbers.size > 1 else ""
        raise InvalidArgument(
            f"{name}{which} must be {rule_of(field.dtype if size else dtype, size)}, "
            f"got {numbers[number].item()!r} in {place(row, item)}"
        )

    def _fits(self, field: Field, numbers: np.ndarray) -> np.ndarray:
        """Which of the `numbers` of one item are allowed."""
        if field.sizes is not None:
            return np.asarray(numbers < np.array(field.sizes))
        with np.errstate(over="ignore"):
            numbers = numbers.astype(np.float32) if self._in_float32 else numbers
        return np.asarray(np.isfinite(numbers))


def greatest_numbers(field: Field) -> list[int]:
    """The greatest value of each number of an item; empty where that is all the dtype holds."""
    if field.sizes is None or min(field.sizes) > np.iinfo(field.dtype).max:
        return []
    return [size - 1 for size in field.sizes]
