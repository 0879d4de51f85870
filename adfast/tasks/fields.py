"""Field: one column of a history; and how JSON descriptions of columns are read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adfast.errors import InvalidArgument, shown
from adfast.values import as_count

# What histories are kept in: the same bytes on every machine of one byte order.
NUMBER_DTYPES = (
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float16", "float32", "float64"),
)


@dataclass(frozen=True)
class Field:
    """One column of a history: its dtype and the shape of one item.

    Where `sizes` is given, number c of an item, all its axes flattened, is in 0 .. sizes[c] - 1.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...] = ()
    sizes: tuple[int, ...] | None = field(default=None, compare=False)  # no part of the layout

    @property
    def item_bytes(self) -> int:
        """Bytes of one item."""
        return self.dtype.itemsize * math.prod(self.shape)


def counts(name: str, values: Any) -> tuple[int, ...]:
    """`values` as a tuple of integers of at least 1; raises `InvalidArgument` for any other."""
    try:
        listed = None if isinstance(values, str | bytes) else tuple(values)
    except TypeError:
        listed = None
    if listed is None:
        raise InvalidArgument(f"{name} must be integers of at least 1, got {shown(values)}")
    return tuple(as_count(name, value) for value in listed)


def described(description: Any) -> Mapping[str, Any]:
    """`description`; raises `InvalidArgument` unless it has entries."""
    if not isinstance(description, Mapping):
        raise InvalidArgument(f"a schema must be described by entries, got {shown(description)}")
    return description


def entry(description: Mapping[str, Any], name: str) -> Any:
    """One entry of a description; raises `InvalidArgument` if it is missing."""
    if name not in description:
        raise InvalidArgument(f'"{name}" is missing in {shown(description)}')
    return description[name]


def integers(description: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """One entry that lists integers; raises `InvalidArgument` if it does not."""
    values = entry(description, name)
    if not isinstance(values, list):
        raise InvalidArgument(f"{name} must be a list of integers, got {shown(values)}")
    return tuple(integer(name, value) for value in values)


def integer(name: str, value: Any) -> int:
    """`value`; raises `InvalidArgument` unless it is an integer of at most 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise InvalidArgument(f"{name} must be an integer of 64 bits, got {shown(value)}")
    return value
