"""The native check of many rows finds what its definition finds, and what it finds is kept out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_histories import SCHEMA, make_block, make_rows

from adfast import _native
from adfast.errors import InvalidArgument
from adfast.histories import FieldSchema, RingBuffer, create, from_arrays
from adfast.histories import open as open_store
from adfast.histories.field_limits import FieldLimits, greatest_numbers
from adfast.tasks.fields import Field
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from reference.field_limits import first_misfit

FIELDS = {
    "counted": Field(np.dtype(np.uint8), (2, 3), (1, 5, 200, 255, 256, 7)),
    "wide": Field(np.dtype(np.uint16), (), (300,)),
    "long": Field(np.dtype(np.uint32), (), (2**31 - 1,)),
    "any": Field(np.dtype(np.uint64)),
    "half": Field(np.dtype(np.float16), (2,)),
    "single": Field(np.dtype(np.float32)),
    "double": Field(np.dtype(np.float64), (3,)),
}
WRONG = [np.nan, np.inf, -np.inf, 1e300, -3.5e38, 3.4028235e38, 65504.0]


def allowed(rng, field, shape):
    if field.sizes is not None:
        numbers = rng.integers(0, field.sizes, (*shape, len(field.sizes)))
        return numbers.reshape(*shape, *field.shape).astype(field.dtype)
    return rng.integers(0, 99, (*shape, *field.shape)).astype(field.dtype)


@settings(max_examples=200)
@given(
    seed=st.integers(0, 2**32),
    num_rows=st.integers(0, 3),
    row_items=st.integers(1, 200),
    has_lengths=st.booleans(),
    in_float32=st.booleans(),
    num_wrong=st.integers(0, 3),
)
def test_first_misfit_is_that_of_the_definition(
    seed, num_rows, row_items, has_lengths, in_float32, num_wrong
):
    rng = np.random.default_rng(seed)
    arrays = [allowed(rng, field, (num_rows, row_items)) for field in FIELDS.values()]
    for _ in range(num_wrong if num_rows else 0):
        array = arrays[rng.integers(len(arrays))]
        place = rng.integers(array.size)
        with np.errstate(over="ignore"):
            if array.dtype.kind == "f":
                array.reshape(-1)[place] = np.asarray(rng.choice(WRONG)).astype(array.dtype)
            else:
                most = np.iinfo(array.dtype).max
                array.reshape(-1)[place] = rng.integers(0, most, dtype=array.dtype, endpoint=True)
    lengths = rng.integers(0, row_items + 1, num_rows).astype(np.uint64) if has_lengths else None
    described = [
        (field.dtype.name, int(np.prod(field.shape)), greatest_numbers(field))
        for field in FIELDS.values()
    ]
    found = _native.FieldLimits(described, in_float32).first_misfit(
        arrays, num_rows, row_items, lengths
    )
    expected = first_misfit(
        FIELDS, arrays, num_rows, row_items, lengths=lengths, in_float32=in_float32
    )
    assert found == expected
    if expected is not None:
        with pytest.raises(InvalidArgument, match=rf"^{list(FIELDS)[expected[0]]}.* in here"):
            FieldLimits(FIELDS, in_float32=in_float32).require(
                arrays, num_rows, row_items, lambda row, item: "here", lengths=lengths
            )


def test_native_check_reads_nothing_outside():
    limits = _native.FieldLimits([("float64", 1, [])])
    for arrays, rows in (([np.zeros(8, np.uint8)], 8), ([np.zeros(4)], 5), ([], 1)):
        with pytest.raises(ValueError, match=r"number of bytes|one array"):
            limits.first_misfit(arrays, rows, 1, None)
    with pytest.raises(ValueError, match="length exceeds the row"):
        limits.first_misfit([np.zeros(4)], 2, 2, np.array([2, 3], np.uint64))


REAL = TransitionSchema(RealObservation("float32", (2,)), 3, 20, "float32")


def real_rows(*leading):
    rows = REAL.allocate(*leading)
    for array in rows.values():
        array.fill(0)
    return rows


WRONG_VALUES = {
    "reward": (np.nan, r"reward must be finite in float32, got nan"),
    "observation": (-np.inf, r"observation\[0\] must be finite in float32, got -inf"),
    "next_observation": (np.inf, r"next_observation\[0\] must be finite in float32, got inf"),
    "action": (3, r"action must be in 0\.\.2, got 3"),
    "boundary": (3, r"boundary must be in 0\.\.2, got 3"),
    "episode_step": (20, r"episode_step must be in 0\.\.19, got 20"),
}


@pytest.mark.parametrize("name", WRONG_VALUES)
def test_value_that_a_schema_has_no_place_for_enters_nowhere(tmp_path, name):
    value, message = WRONG_VALUES[name]
    arrays, lengths = real_rows(3, 8), np.array([8, 5, 7])
    arrays[name][2, 6] = value
    with pytest.raises(InvalidArgument, match=message + " in history 2, row 6"):
        from_arrays(REAL, arrays, lengths)
    with create(tmp_path / "store", REAL, num_blocks=1) as writer:
        with pytest.raises(InvalidArgument, match=message + " in history 2, row 6"):
            writer.append_block(0, arrays, lengths)
        assert not writer.finished_blocks
    ring = RingBuffer(REAL, 4, 20)
    with pytest.raises(InvalidArgument, match=message + " in lane 3, transition 6"):
        ring.append_block([0, 1, 3], arrays, lengths=lengths)
    rows = {field: array[:, 6] for field, array in real_rows(4, 8).items()}
    rows[name][1] = value
    with pytest.raises(InvalidArgument, match=message + " in lane 1"):
        ring.append(rows)
    ring.flush()
    assert (ring.num_histories, ring.num_transitions) == (0, 0)


def test_rows_behind_the_end_of_a_history_may_hold_anything():
    arrays, lengths = real_rows(3, 8), np.array([8, 5, 7])
    arrays["reward"][1, 5:] = np.nan
    arrays["action"][2, 7] = 99
    assert from_arrays(REAL, arrays, lengths).num_transitions == 20
    ring = RingBuffer(REAL, 3, 20)
    ring.append_block(range(3), arrays, lengths=lengths)
    assert ring.num_transitions == 20
    with pytest.raises(InvalidArgument, match=r"action must be in .* lane 2, transition 7"):
        ring.append_block(range(3), arrays)


def test_sizes_of_a_field_are_no_part_of_the_format(tmp_path):
    sized = FieldSchema({"token": Field(np.dtype(np.uint8), (), (10,))})
    with create(tmp_path, sized, num_blocks=1) as writer:
        writer.append_block(0, {"token": np.arange(10, dtype=np.uint8)}, np.array([10]))
    assert open_store(tmp_path).schema == sized
    with pytest.raises(
        InvalidArgument, match=r"token must be in 0\.\.9, got 10 in history 0, row 0"
    ):
        from_arrays(sized, {"token": np.array([10], np.uint8)}, np.array([1]))
    for field in (Field(np.dtype(np.uint8), (2,), (10,)), Field(np.dtype(np.int8), (), (3,))):
        with pytest.raises(InvalidArgument, match='sizes of field "token" must be one for each'):
            RingBuffer(FieldSchema({"token": field}), 1, 1)


def test_what_is_held_is_said(tmp_path):
    ring = RingBuffer(SCHEMA, 2, 1000)
    ring.append_block([0, 1], make_rows(np.random.default_rng(0), 2, 700))
    fields = "observation uint16 [2], action uint8, reward uint8, next_observation uint16 [2], "
    fields += "boundary uint8, episode_step uint16"
    assert repr(ring) == (
        f"<RingBuffer: 1,400 transitions of 2 histories in 2 lanes of 1,000; {fields}>"
    )
    arrays, lengths = make_block(np.random.default_rng(0), 3, 8)
    held = f"{lengths.sum()} transitions of 3 histories; {fields}>"
    assert repr(from_arrays(SCHEMA, arrays, lengths)) == f"<HistoryStore in memory: {held}"
    with create(tmp_path, SCHEMA, num_blocks=2) as writer:
        writer.append_block(0, arrays, lengths)
        assert repr(writer) == f"<HistoryWriter of {str(tmp_path)!r}: 1 of 2 blocks; {fields}>"
    store = open_store(tmp_path, allow_incomplete=True)
    assert repr(store) == f"<HistoryStore in {str(tmp_path)!r}, incomplete: {held}"
