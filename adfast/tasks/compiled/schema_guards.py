"""What compiled loops ask of every value that a family returns: does its schema hold it?

A family's functions are a user's own. A value outside what the family declares must neither be kept
as another one nor index memory, so the loops compare first; where the compiler can see that a value
stays within its bounds, as after a `min` and a `max`, the comparison costs nothing. Which rule was
broken, and by which value, is said by `tasks.checked_calls`, which calls the plain functions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numba import float64, from_dtype, types, uint8
from numba.extending import overload, register_jitable


def is_outside(value: Any, least: Any, greatest: Any) -> Any:
    """Whether `value` is no whole number in least .. greatest."""
    return not (least <= value <= greatest and value == np.floor(value))


@overload(is_outside)
def compile_is_outside(value: Any, least: Any, greatest: Any) -> Callable[..., Any]:
    """A comparison of integers has no floor in it, and stays as narrow as they are."""
    if isinstance(value, types.Float):
        return is_outside

    def is_integer_outside(value: Any, least: Any, greatest: Any) -> Any:
        return (value < least) | (value > greatest)

    return is_integer_outside


@cache
def limits_guard(count: int) -> Callable[..., Any]:
    """The function `(values, greatest) -> uint8`: 1 unless each value is in 0 .. its greatest."""
    last = count - 1
    if last == 0:

        @register_jitable
        def leaves(values: Any, greatest: Any) -> Any:
            return uint8(is_outside(values[0], 0, greatest[0]))

        return leaves

    leaves_before = limits_guard(count - 1)

    @register_jitable
    def any_leaves(values: Any, greatest: Any) -> Any:
        leaves_here = uint8(is_outside(values[last], 0, greatest[last]))
        return uint8(leaves_before(values, greatest) | leaves_here)

    return any_leaves


@cache
def tuple_guard(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `values -> uint8`: 1 unless there is a value below each of `sizes`, no more."""
    count, greatest = len(sizes), tuple(size - 1 for size in sizes)
    leaves = limits_guard(count)

    @register_jitable
    def is_another(values: Any) -> Any:
        return uint8(uint8(len(values) != count) | leaves(values, greatest))

    return is_another


@cache
def dtype_guard(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The functions `value -> uint8`, 1 unless a dtype holds the value, and `value` in that dtype.

    A float dtype holds what is finite in it, rounded; an integer dtype whole numbers in its range.
    """
    dtype = np.dtype(name)
    kept_as = from_dtype(dtype)
    if dtype.kind == "f":
        greatest = float(np.finfo(dtype).max)

        @register_jitable
        def overflows(value: Any) -> Any:
            return uint8(not abs(float64(value)) <= greatest)

    else:
        least, most = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)

        @register_jitable
        def overflows(value: Any) -> Any:
            return uint8(is_outside(value, least, most))

    @register_jitable
    def narrow(value: Any) -> Any:
        return kept_as(value)

    return overflows, narrow
