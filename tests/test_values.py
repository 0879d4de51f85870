"""A value comes out as it went in, or is refused by name: nothing is wrapped, cut or rounded."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from adfast.errors import InvalidArgument
from adfast.values import (
    MAX_COUNT,
    MAX_SEED,
    as_array,
    as_count,
    as_flag,
    as_integer,
    as_mask,
    as_number,
    as_path,
    as_seed,
    as_single,
    fitted,
    require_kind,
)

DTYPES = ["bool", "uint8", "int8", "uint16", "int32", "uint64", "int64", "float16", "float32"]
DTYPES += ["float64"]
NO_INTEGERS = [True, np.True_, 1.0, np.float32(2), "3", None, [1], np.array(3), 1j, math.nan, {}]


@pytest.mark.parametrize("value", [1, 7, np.int8(3), np.uint64(2**63 - 1)])
def test_integers_of_python_and_numpy_are_counts(value):
    assert type(as_count("n", value)) is int
    assert as_count("n", value) == int(value)


@pytest.mark.parametrize("value", [*NO_INTEGERS, 0, -1, 2**63, 10**4000])
def test_what_is_no_count_is_refused(value):
    with pytest.raises(InvalidArgument, match=r"^n must be an integer "):
        as_count("n", value)


def test_integer_that_python_will_not_spell_is_refused_too():
    with pytest.raises(InvalidArgument, match=r"n must be .* got a value of type int"):
        as_count("n", 10**5000)


def test_bounds_of_an_integer_are_named():
    assert as_seed("seed", MAX_SEED) == MAX_SEED
    with pytest.raises(InvalidArgument, match=r"seed must be an integer in 0\.\.2\*\*64-1, got -1"):
        as_seed("seed", -1)
    with pytest.raises(InvalidArgument, match="n must be an integer of at least 1, got 0"):
        as_count("n", 0)
    with pytest.raises(InvalidArgument, match=r"n must be an integer in 1\.\.2\*\*63-1, got 92"):
        as_count("n", MAX_COUNT + 1)
    with pytest.raises(InvalidArgument, match=r"n must be an integer in -3\.\.8, got 9"):
        as_integer("n", 9, -3, 8)


@pytest.mark.parametrize("value", [0, 2.5, np.float32(0.5), np.int64(3), 1e308])
def test_finite_numbers_are_floats(value):
    assert as_number("x", value, 0.0) == float(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, "1", None, True, 10**400, 1j])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(InvalidArgument, match="x must be a finite number of at least 0, got"):
        as_number("x", value, 0.0)


def test_flags_masks_and_paths():
    assert as_flag("f", np.False_) is False
    assert as_path("p", "a/b").name == "b"
    assert as_mask("m", [True, False], 2).tolist() == [True, False]
    for call in (
        lambda: as_flag("f", 1),
        lambda: as_flag("f", "no"),
        lambda: as_path("p", "a\0b"),
        lambda: as_path("p", "\ud800x"),
        lambda: as_path("p", 5),
        lambda: as_mask("m", [1, 0], 2),
        lambda: as_mask("m", [True], 2),
        lambda: as_mask("m", None, 2),
        lambda: require_kind("k", 5, str, "text"),
    ):
        with pytest.raises(InvalidArgument, match=r"^[fpmk] must be "):
            call()


@pytest.mark.parametrize(
    "values",
    [
        None,
        "text",
        [1, "a"],
        [[1], [2, 3]],
        1j,
        np.array([1, None]),
        np.array(["2020"], "M8[Y]"),
        np.ma.masked_array([1, 2], [True, False]),
        [10**30],
    ],
)
def test_what_are_no_numbers_is_refused(values):
    with pytest.raises(InvalidArgument, match=r"^x must "):
        as_array("x", values)


def test_byte_order_is_the_machines():
    array = as_array("x", np.arange(3, dtype=np.dtype("int32").newbyteorder("S")))
    assert array.dtype.isnative
    assert array.tolist() == [0, 1, 2]


def test_one_number_may_come_in_an_array():
    assert as_single("reward", 2.5).tolist() == [2.5]
    assert as_single("reward", np.ones((1, 1))).tolist() == [1.0]
    with pytest.raises(InvalidArgument, match=r"reward must be one number, got .* \(3,\)"):
        as_single("reward", np.arange(3))


@given(st.data())
def test_fitted_holds_what_it_was_given_or_refuses(data):
    source, target = (data.draw(st.sampled_from(DTYPES)) for _ in range(2))
    extremes = st.sampled_from(
        [0, 1, 2, 127, 128, 255, 256, 2**31, 2**53 + 1, 2**63 - 1, -1, -(2**63)]
    )
    elements = arrays.from_dtype(np.dtype(source))
    if source[0] != "f" and source != "bool":
        limits = np.iinfo(source)
        elements |= extremes.filter(lambda value: limits.min <= value <= limits.max)
    values = data.draw(arrays.arrays(source, 3, elements=elements))
    exact = [value.item() for value in values]
    with np.errstate(over="ignore"):
        if target[0] == "f":
            fits = all(math.isfinite(np.array(value).astype(target)) for value in exact)
        else:
            limits = (0, 1) if target == "bool" else (np.iinfo(target).min, np.iinfo(target).max)
            fits = all(
                math.isfinite(value) and value == int(value) and limits[0] <= value <= limits[1]
                for value in exact
            )
    if not fits:
        with pytest.raises(InvalidArgument, match=r"^x must be .*, got .* in row \d"):
            fitted("x", values, target, (3,))
        return
    held = fitted("x", values, target, (3,))
    assert held.dtype == target
    if target[0] == "f":
        np.testing.assert_array_equal(held, values.astype(target))
    else:
        assert [int(number) for number in held] == [int(value) for value in exact]


def test_rows_that_are_not_read_may_hold_anything():
    where = np.array([True, False, True])
    values = np.array([[1.0, 2.0], [np.nan, 1e300], [3.0, 3.0]])
    assert fitted("x", values, np.uint8, (3, 2), where=where).tolist() == [[1, 2], [0, 0], [3, 3]]
    values[2, 1] = 256
    with pytest.raises(
        InvalidArgument, match=r"x\[1\] must be integers in 0\.\.255, got 256\.0 in row 2"
    ):
        fitted("x", values, np.uint8, (3, 2), where=where)


def test_sizes_bound_every_component_by_its_own():
    sizes = (4, 2)
    assert fitted("x", [[3, 1]], np.int64, (1, 2), sizes=sizes).tolist() == [[3, 1]]
    for wrong, component in (([4, 1], 0), ([3, 2], 1), ([-1, 0], 0)):
        with pytest.raises(InvalidArgument, match=rf"x\[{component}\] must be in 0\.\."):
            fitted("x", [wrong], np.int64, (1, 2), sizes=sizes)


def test_shape_and_kind_are_named():
    with pytest.raises(InvalidArgument, match=r"x must have shape \(2,\), got \(3,\)"):
        fitted("x", [1, 2, 3], np.uint8, (2,))
    with pytest.raises(InvalidArgument, match="x must be integers, got float64; cast them first"):
        fitted("x", [1.0], np.uint8, (1,), kinds="iu")
