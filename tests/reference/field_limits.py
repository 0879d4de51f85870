"""The definition of `adfast.histories.field_limits`, number by number."""

from __future__ import annotations

import math

import numpy as np


def first_misfit(fields, arrays, num_rows, row_items, *, lengths=None, in_float32=False):
    """(field, row, item) of the first item with a number that its field may not hold, or None."""
    for index, field in enumerate(fields.values()):
        items = arrays[index].reshape(num_rows, row_items, math.prod(field.shape))
        for row in range(num_rows):
            for item in range(row_items if lengths is None else int(lengths[row])):
                for number, value in enumerate(items[row, item]):
                    if not is_allowed(field, number, value, in_float32):
                        return index, row, item
    return None


def is_allowed(field, number, value, in_float32):
    """Whether number `number` of an item of `field` may be `value`."""
    if field.sizes is not None:
        return int(value) < field.sizes[number]
    if field.dtype.kind != "f":
        return True
    if in_float32 and field.dtype == np.float64:
        with np.errstate(over="ignore"):
            return math.isfinite(np.float32(value))
    return math.isfinite(value)
