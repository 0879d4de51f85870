"""Values from outside, each checked once, where it enters.

A function here returns what it is given in the form that the code behind it needs, or raises
`InvalidArgument` with name, rule and value. Nothing is wrapped, cut or rounded on the way, but for
the precision of floats. Needs NumPy alone.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from adfast.errors import InvalidArgument, shown

MAX_SEED = 2**64 - 1
MAX_COUNT = 2**63 - 1
MAX_PATH = 4096  # bytes
NUMBERS = "biuf"  # kinds of dtypes: booleans, integers and floats
INTEGERS = "iu"


def as_integer(name: str, value: Any, least: int = 0, greatest: int = MAX_COUNT) -> int:
    """`value`, an integer of Python or NumPy, in `least` .. `greatest`."""
    if type(value) is int and least <= value <= greatest:
        return value
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    number = int(value) if is_integer else least - 1
    if not least <= number <= greatest:
        open_ended = greatest == MAX_COUNT and number <= greatest
        rule = f"of at least {least}" if open_ended else f"in {least}..{spelt(greatest)}"
        raise InvalidArgument(f"{name} must be an integer {rule}, got {shown(value)}")
    return number


def as_count(name: str, value: Any, greatest: int = MAX_COUNT) -> int:
    """`value`, an integer of at least 1."""
    return as_integer(name, value, 1, greatest)


def as_seed(name: str, value: Any) -> int:
    """`value`, an integer that random streams can be keyed by."""
    return as_integer(name, value, 0, MAX_SEED)


def as_number(name: str, value: Any, least: float = -math.inf, greatest: float = math.inf) -> float:
    """`value`, a finite number in `least` .. `greatest`, as a float."""
    number = math.nan
    if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:  # an integer beyond all floats
            number = math.inf
    if not math.isfinite(number) or not least <= number <= greatest:
        bounds = ""
        if math.isfinite(least):
            bounds = f" of at least {least:g}"
            if math.isfinite(greatest):
                bounds = f" in {least:g}..{greatest:g}"
        raise InvalidArgument(f"{name} must be a finite number{bounds}, got {shown(value)}")
    return number


def as_flag(name: str, value: Any) -> bool:
    """`value`, true or false."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidArgument(f"{name} must be true or false, got {shown(value)}")
    return bool(value)


def as_choice(name: str, value: Any, choices: tuple[str, ...]) -> str:
    """`value`, one of the words `choices`."""
    if not isinstance(value, str) or value not in choices:
        quoted = [f'"{choice}"' for choice in choices]
        listed = f"{', '.join(quoted[:-1])} or {quoted[-1]}"
        raise InvalidArgument(f"{name} must be {listed}, got {shown(value)}")
    return value


def as_path(name: str, value: Any) -> Path:
    """`value` as a path that a file system can be asked for."""
    try:
        path = Path(value)
        encoded = os.fsencode(path)
    except (TypeError, UnicodeEncodeError):
        encoded = b"\0"
    if b"\0" in encoded or len(encoded) > MAX_PATH:
        raise InvalidArgument(f"{name} must be a path, got {shown(value)}")
    return path


def require_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Raise `InvalidArgument` unless `value` is of `kind` (one type or several): `expected`."""
    if not isinstance(value, kind):
        got = shown(value) if isinstance(value, str | int | float) else type(value).__name__
        raise InvalidArgument(f"{name} must be {expected}, got {got}")


def as_array(name: str, values: Any, kinds: str = NUMBERS) -> np.ndarray:
    """`values` as an array of one of the `kinds` of dtype, in native byte order."""
    if type(values) is np.ndarray and values.dtype.kind in kinds and values.dtype.isnative:
        return values
    wanted = "integers" if kinds == INTEGERS else "numbers"
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:  # ragged, or not on host
        raise InvalidArgument(
            f"{name} must be an array of {wanted}, got {type(values).__name__} ({error})"
        ) from None
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise InvalidArgument(f"{name} must have no masked values; fill or leave out such rows")
    if not array.size and not isinstance(values, np.ndarray):
        return array.astype(np.int64)  # an empty list has no kind
    if array.dtype.kind not in kinds:
        hint = "; cast them first" if array.dtype.kind in NUMBERS else ""
        raise InvalidArgument(f"{name} must be {wanted}, got {array.dtype}{hint}")
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_single(name: str, value: Any) -> np.ndarray:
    """`value`, one number or an array of one, as `[1]`."""
    array = as_array(name, value)
    if array.size != 1:
        raise InvalidArgument(f"{name} must be one number, got an array of shape {array.shape}")
    return array.reshape(1)


def rows_where(values: Any, where: np.ndarray) -> Any:
    """The rows of `values` for which `where` (bool `[N]`) holds, or None if one is not there.

    `values` are an array or list of N rows, others than those of `where` may be anything.
    """
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(values, object)
    if array.shape[:1] != where.shape:
        return None
    rows = array[where]
    if array.dtype != object:
        return rows
    return None if any(row is None for row in rows) else [*rows]


def as_mask(name: str, values: Any, count: int) -> np.ndarray:
    """`values` as a contiguous, writeable bool array `[count]`."""
    array = as_array(name, values)
    if array.dtype != np.bool_ or array.shape != (count,):
        raise InvalidArgument(
            f"{name} must be bool of shape ({count},), got {array.dtype} of shape {array.shape}"
        )
    return np.require(array, requirements=["C", "W"])


def fitted(
    name: str,
    values: Any,
    dtype: Any,
    shape: tuple[int, ...],
    *,
    sizes: tuple[int, ...] | None = None,
    where: np.ndarray | None = None,
    kinds: str = NUMBERS,
    row: str = "row",
    rows: np.ndarray | None = None,
) -> np.ndarray:
    """`values` as an array of `dtype` and `shape`, which holds them without loss.

    Floats are rounded to the precision of a float `dtype`, and must be finite in it. With `sizes`
    number c of each row, all its axes flattened, must be in 0 .. sizes[c] - 1. Only the rows of
    `where` (bool over the first axis) are read; others are 0. Messages call a row a `row`, and
    number it by `rows` (integers over the first axis) where it is not as it lies.
    """
    if where is not None and where.all():  # the same with less work; what is masked is a copy
        return fitted(
            name, values, dtype, shape, sizes=sizes, kinds=kinds, row=row, rows=rows
        ).copy()
    array = as_array(name, values, kinds)
    if array.shape != shape:
        raise InvalidArgument(f"{name} must have shape {shape}, got {array.shape}")
    dtype = np.dtype(dtype)
    if where is None and sizes is None and array.dtype == dtype and dtype.kind != "f":
        return array
    read = array if where is None else array[where]
    converted, fits = convert(read, dtype)
    if sizes is not None and not within(sizes, converted):
        by_row = converted.reshape(-1, len(sizes))
        fits = fits & ((by_row >= 0) & (by_row < np.array(sizes))).reshape(fits.shape)
    if not fits.all():
        if rows is None and array.ndim:
            rows = np.arange(len(array))
        numbers = rows if where is None or rows is None else rows[where]
        refuse_number(name, read, dtype, np.argwhere(~fits)[0], sizes, row, numbers)
    if where is None:
        return converted
    whole = np.zeros(shape, dtype)
    whole[where] = converted
    return whole


def within(sizes: tuple[int, ...], values: np.ndarray) -> bool:
    """Whether number c of each row is in 0 .. sizes[c] - 1: said in a tenth of the time it takes to
    say where, which is of numbers that are refused alone.
    """
    columns = values.reshape(-1, len(sizes)).T
    return not values.size or all(
        column.min() >= 0 and column.max() < size
        for column, size in zip(columns, sizes, strict=True)
    )


def refuse_number(
    name: str,
    read: np.ndarray,
    dtype: np.dtype,
    place: np.ndarray,
    sizes: tuple[int, ...] | None,
    row: str,
    rows: np.ndarray | None,
) -> NoReturn:
    """Raise `InvalidArgument` for the number at `place` of `read`; the rest is as in `fitted`."""
    item_shape = read.shape[1:]
    index = int(np.ravel_multi_index(tuple(place[1:]), item_shape)) if item_shape else 0
    number = f"[{index}]" if math.prod(item_shape) > 1 else ""
    rule = rule_of(dtype, None if sizes is None else sizes[index])
    at = "" if rows is None else f" in {row} {rows[place[0]]}"
    raise InvalidArgument(
        f"{name}{number} must be {rule}, got {shown(read[tuple(place)].item())}{at}"
    )


def convert(array: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """`array` as `dtype`, and where that holds each of its numbers (bool, of its shape)."""
    if array.dtype == dtype:
        return array, np.isfinite(array) if dtype.kind == "f" else np.ones(array.shape, bool)
    if dtype.kind != "f" and np.can_cast(array.dtype, dtype):
        return array.astype(dtype), np.ones(array.shape, bool)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype, copy=False)
        if dtype.kind == "f":
            return converted, np.isfinite(converted)
        if array.dtype.kind != "f":
            same_sign = (array < 0) == (converted < 0)
            return converted, (converted == array) & same_sign
        # 2**63 as a float is beyond int64, of which the greatest float is less.
        low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        in_range = (array >= low) & (array < float(high) + 1)
        return converted, in_range & (np.trunc(array) == array)


def rule_of(dtype: np.dtype, size: int | None = None) -> str:
    """What a number of `dtype`, one of `size` values if that is given, must be: "finite"."""
    if dtype.kind == "f":
        return "finite" if dtype.itemsize == 8 else f"finite in {dtype}"
    if size is not None:
        return f"in 0..{size - 1}"
    if dtype.kind == "b":
        return "true or false"
    limits = np.iinfo(dtype)
    return f"integers in {limits.min}..{spelt(limits.max)}"


def spelt(number: int) -> str:
    """`number` as people read it: those just below a large power of two as such."""
    exponent = number.bit_length()
    return f"2**{exponent}-1" if exponent > 16 and number == 2**exponent - 1 else str(number)
