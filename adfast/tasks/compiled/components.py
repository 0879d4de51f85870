"""Tuples of components in and out of arrays, for compiled loops over any family.

Compiled code has no loop over a tuple's components that LLVM always unrolls; these functions are
composed from one component to the next instead. Arrays of state and task are component-major
`[components, N]`, so that a loop over environments reads them contiguously. What depends on sizes
hands them as constants to a function of their number, which a process compiles once for all sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numba import int32, uint64
from numba.extending import register_jitable


@cache
def column_reader(count: int) -> Callable[..., Any]:
    """The function `(columns, index) -> (columns[0, index], .., columns[count - 1, index])`."""
    row = count - 1
    if count == 1:

        @register_jitable
        def read(columns: Any, index: Any) -> Any:
            return (columns[uint64(row), index],)

        return read

    read_before = column_reader(count - 1)

    @register_jitable
    def read_all(columns: Any, index: Any) -> Any:
        return (*read_before(columns, index), columns[uint64(row), index])

    return read_all


@cache
def column_writer(count: int) -> Callable[..., Any]:
    """The function `(columns, index, values)` that sets `columns[k, index] = values[k]`."""
    row = count - 1
    if count == 1:

        @register_jitable
        def write(columns: Any, index: Any, values: Any) -> Any:
            columns[uint64(row), index] = values[row]

        return write

    write_before = column_writer(count - 1)

    @register_jitable
    def write_all(columns: Any, index: Any, values: Any) -> Any:
        write_before(columns, index, values)
        columns[uint64(row), index] = values[row]

    return write_all


@cache
def item_writer(count: int) -> Callable[..., Any]:
    """The function `(flat, start, values)` that sets `flat[start + k] = values[k]`."""
    last = count - 1
    if count == 1:

        @register_jitable
        def write(flat: Any, start: Any, values: Any) -> Any:
            flat[start] = values[0]

        return write

    write_before = item_writer(count - 1)

    @register_jitable
    def write_all(flat: Any, start: Any, values: Any) -> Any:
        write_before(flat, start, values)
        flat[start + uint64(last)] = values[last]

    return write_all


@cache
def selector(count: int) -> Callable[..., Any]:
    """The function `(condition, yes, no) -> tuple` of int32 components, without a branch."""
    last = count - 1
    if count == 1:

        @register_jitable
        def select(condition: Any, yes: Any, no: Any) -> Any:
            return (int32(yes[0]) if condition else int32(no[0]),)

        return select

    select_before = selector(count - 1)

    @register_jitable
    def select_all(condition: Any, yes: Any, no: Any) -> Any:
        value = int32(yes[last]) if condition else int32(no[last])
        return (*select_before(condition, yes, no), value)

    return select_all


@cache
def int32_tuple(count: int) -> Callable[..., Any]:
    """The function `values -> tuple` of the same values in int32."""
    last = count - 1
    if count == 1:

        @register_jitable
        def narrow(values: Any) -> Any:
            return (int32(values[0]),)

        return narrow

    narrow_before = int32_tuple(count - 1)

    @register_jitable
    def narrow_all(values: Any) -> Any:
        return (*narrow_before(values), int32(values[last]))

    return narrow_all


@cache
def mixed_radix(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `values -> index` that numbers the tuples below `sizes`, the last fastest."""
    number_below = mixed_radix_of(len(sizes))

    @register_jitable
    def index(values: Any) -> Any:
        return number_below(values, sizes)

    return index


@cache
def mixed_radix_of(count: int) -> Callable[..., Any]:
    """The function `(values, sizes) -> index`, which every `mixed_radix` of so many shares."""
    last = count - 1
    if last == 0:

        @register_jitable
        def index(values: Any, sizes: Any) -> Any:
            return uint64(values[0])

        return index

    index_before = mixed_radix_of(count - 1)

    @register_jitable
    def index_all(values: Any, sizes: Any) -> Any:
        return uint64(index_before(values, sizes) * uint64(sizes[last]) + uint64(values[last]))

    return index_all


@cache
def mixed_radix_inverse(sizes: tuple[int, ...]) -> Callable[..., Any]:
    """The function `index -> values` (int32) that undoes `mixed_radix(sizes)`."""
    values_below = mixed_radix_inverse_of(len(sizes))

    @register_jitable
    def values(index: Any) -> Any:
        return values_below(index, sizes)

    return values


@cache
def mixed_radix_inverse_of(count: int) -> Callable[..., Any]:
    """The function `(index, sizes) -> values`, which every `mixed_radix_inverse` shares."""
    last = count - 1
    if last == 0:

        @register_jitable
        def values(index: Any, sizes: Any) -> Any:
            return (int32(index),)

        return values

    values_before = mixed_radix_inverse_of(count - 1)

    @register_jitable
    def values_all(index: Any, sizes: Any) -> Any:
        size = uint64(sizes[last])
        return (*values_before(index // size, sizes), int32(index % size))

    return values_all


@cache
def component_reader(count: int) -> Callable[..., Any]:
    """The function `(values, index) -> values[index]` of a tuple of `count`, without a branch."""
    last = count - 1
    if count == 1:

        @register_jitable
        def read(values: Any, index: Any) -> Any:
            return values[0]

        return read

    read_before = component_reader(count - 1)

    @register_jitable
    def read_all(values: Any, index: Any) -> Any:
        return values[last] if index == last else read_before(values, index)

    return read_all
