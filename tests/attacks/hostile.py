"""Hostile values: what a caller's mistake, a bug or a broken environment may hand over."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import strategies as st

NUMBERS: list[Any] = [
    *(-1, 0, 1, 2, 3, 4, 5, 9, 255, 256, 300, 65536, 2**31, 2**40, 2**63, 2**64, -(2**63) - 1),
    *(0.5, -0.0, 1.0, 1e39, 1e300, np.nan, np.inf, -np.inf, 10**30, 10**5000),
    *(True, False, np.int8(-1), np.uint64(2**64 - 1), np.float32("nan"), np.bool_(True)),
    *(np.int64(1), np.float16(2), np.float64(np.inf), 1j, np.datetime64("2020")),
]
OTHERS: list[Any] = [
    *(None, "", "1", "text", "nan", b"x", "\0", "\ud800", "x" * 5000, object(), Ellipsis, int),
    *([], [[]], {}, (), {1: 2}, {"a": np.nan}, [1, [2]], [None], ["a"], slice(2), {1}, range(3)),
    *(np.array(1), np.array([]), np.array(np.nan), np.array([1, None], object), np.zeros((2, 0))),
    *(np.array(["a", "b"]), np.array([1j]), np.ma.masked_array([1, 2], [True, False])),
]
ANY = st.sampled_from(NUMBERS) | st.sampled_from(OTHERS)
DTYPES = ["bool", "uint8", "int8", ">i4", "int64", "uint64", "float16", "float32", "float64", ">f8"]
DTYPES += ["complex64", "object", "U5", "longdouble"]


@st.composite
def hostile(draw: st.DrawFn, value: Any) -> Any:
    """Anything at all, or `value` with something changed that may or may not matter."""
    if draw(st.integers(0, 3)) == 0:
        return draw(ANY)
    if isinstance(value, np.ndarray):
        return draw(changed_array(value))
    if isinstance(value, Mapping) and value:
        return draw(changed_mapping(value))
    return draw(ANY)


@st.composite
def changed_array(draw: st.DrawFn, array: np.ndarray) -> Any:
    """`array` with another dtype, shape, layout or element."""
    kind = draw(st.integers(0, 5))
    if kind == 0:
        return cast(array, draw(st.sampled_from(DTYPES)))
    if kind == 1:
        shapes = [array[..., None], array[None], array[:-1], array.reshape(-1), array.T]
        shapes += [np.concatenate([array, array]), array[:0], array[..., :1]]
        return draw(st.sampled_from(shapes))
    if kind == 2:
        layouts = [np.asfortranarray(array), np.repeat(array, 2, axis=-1)[..., ::2]]
        layouts += [
            array.tolist(),
            tuple(array.tolist()),
            np.ma.masked_array(array),
            read_only(array),
        ]
        return draw(st.sampled_from(layouts))
    number = draw(st.sampled_from(NUMBERS))
    if not array.size:
        return number
    place = draw(st.integers(0, array.size - 1))
    if kind == 3:  # in the array's own dtype
        try:
            number = cast(np.asarray(number), array.dtype.str)
        except (TypeError, ValueError, OverflowError):
            return number
        changed = array.copy()
    else:
        changed = array.astype(object)
    changed.reshape(-1)[place] = number
    return np.array(changed.tolist(), object) if kind == 4 else plain(changed)


def plain(array: np.ndarray) -> Any:
    """An array of objects as NumPy reads a list of them."""
    if array.dtype != object:
        return array
    try:
        return np.array(array.tolist())
    except (TypeError, ValueError, OverflowError):
        return array.tolist()


def cast(array: np.ndarray, dtype: str) -> np.ndarray:
    """`array` in another dtype, whatever becomes of its numbers."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of imaginary parts
        return array.astype(dtype)


def read_only(array: np.ndarray) -> np.ndarray:
    """A copy that cannot be written to."""
    copy = array.copy()
    copy.flags.writeable = False
    return copy


@st.composite
def changed_mapping(draw: st.DrawFn, mapping: Mapping[Any, Any]) -> Any:
    """`mapping` with an entry that is hostile, gone, or there under another name."""
    changed = dict(mapping)
    name = draw(st.sampled_from(sorted(mapping, key=str)))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        del changed[name]
    elif kind == 1:
        changed[draw(st.sampled_from(["x", "a/b", 1, None, ""]))] = changed.pop(name)
    else:
        changed[name] = draw(hostile(changed[name]))
    return changed


def same_numbers(held: Any, given: Any) -> bool:
    """Whether an array holds what was given: exactly, or rounded to its floats, and finite."""
    held = np.asarray(held)
    given = np.asarray(given)
    if held.dtype.kind != "f":
        return bool(np.array_equal(held, given)) and held.tolist() == given.tolist()
    with np.errstate(all="ignore"):
        return bool(np.isfinite(held).all() and np.array_equal(held, given.astype(held.dtype)))
