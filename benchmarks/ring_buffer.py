"""Contests of the ring buffer: against NumPy on preallocated arrays, and against memcpy.

Legend: E lanes, L transitions of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import numpy as np

from benchmarks.contest import Contest, require_equal_fields
from benchmarks.engine import Field, FieldSchema, RingBuffer
from benchmarks.limits import memcpy
from benchmarks.pair_timer import Contender
from benchmarks.rivals import research_script
from benchmarks.rivals.optional import rival_of, with_rivals

BATCH_SIZE = 128
SCHEMA = FieldSchema(  # eight bytes in four fields
    {
        "observation": Field(np.dtype(np.uint8), (2,)),
        "action": Field(np.dtype(np.uint8)),
        "reward": Field(np.dtype(np.float32)),
        "boundary": Field(np.dtype(np.uint8)),
    }
)
TRANSITION_BYTES = sum(field.item_bytes for field in SCHEMA.fields.values())
FILLED_LANES = 256  # appended at a time, so that no second copy of everything is needed

Arrays = dict[str, np.ndarray]


def random_transitions(*leading: int) -> Arrays:
    """Arrays `[*leading, *item]` of random numbers, none of them nan."""
    generator = np.random.default_rng(0)
    return {
        name: generator.integers(256, size=(*leading, *field.shape), dtype=np.uint8).astype(
            field.dtype, copy=False
        )
        for name, field in SCHEMA.fields.items()
    }


def filled_ring(arrays: Arrays) -> RingBuffer:
    """A ring whose lanes hold one history each, those of `arrays` `[E, T, *item]`."""
    num_lanes, capacity = arrays["action"].shape
    ring = RingBuffer(SCHEMA, num_lanes, capacity)
    for first in range(0, num_lanes, FILLED_LANES):
        last = min(first + FILLED_LANES, num_lanes)
        block = {name: array[first:last] for name, array in arrays.items()}
        ring.append_block(range(first, last), block)
    return ring


def empty_ring(num_lanes: int, capacity: int) -> tuple[RingBuffer, Arrays]:
    """A ring, and NumPy arrays `[E, capacity, *item]` that hold as much."""
    columns = {
        name: np.zeros((num_lanes, capacity, *field.shape), field.dtype)
        for name, field in SCHEMA.fields.items()
    }
    return RingBuffer(SCHEMA, num_lanes, capacity), columns


def against_memcpy(
    subject: Contender, rival: Contender, check: Callable[[], None], copy_bytes: int
) -> Contest:
    """A contest whose work is transitions, each of which memcpy copies once."""
    limit = memcpy(TRANSITION_BYTES, copy_bytes)
    return Contest(subject, (rival,), check, limit, TRANSITION_BYTES)


def require_lanes(ring: RingBuffer, rows: Arrays, length: int) -> None:
    """Raise `NotEquivalent` unless lanes hold the first `length` of `rows` `[E, T, *item]`."""
    batch = ring.sample(len(rows["action"]), length, seed=0, draw=0, return_positions=True)
    lanes = batch.pop("history_index")
    del batch["history_offset"]
    require_equal_fields(batch, {name: array[lanes, :length] for name, array in rows.items()})


def copy_slices(source: Arrays, lanes: np.ndarray, starts: np.ndarray, out: Arrays) -> None:
    """The windows of `out` `[B, L, *item]` from `source` `[E, T, *item]`, slice by slice."""
    places = list(zip(lanes.tolist(), starts.tolist(), strict=True))
    for name, windows in out.items():
        rows, length = source[name], windows.shape[1]
        for window, (lane, start) in enumerate(places):
            windows[window] = rows[lane, start : start + length]


@contextmanager
def sample(
    length: int, num_lanes: int, capacity: int, copy_bytes: int, calls: int
) -> Iterator[Contest]:
    """`RingBuffer.sample` against NumPy slices into preallocated arrays; starts are uniform.

    And against torch's DataLoader over slices, as research scripts have it; flashbax, cpprb and
    torchrl join them where they are installed.
    """
    arrays = random_transitions(num_lanes, capacity)
    ring = filled_ring(arrays)
    out = {
        name: np.empty((BATCH_SIZE, length, *a.shape[2:]), a.dtype) for name, a in arrays.items()
    }
    generator = np.random.default_rng(0)
    draws = count()

    def sample_ring() -> None:
        for _ in range(calls):
            ring.sample(BATCH_SIZE, length, seed=0, draw=next(draws))

    def slice_arrays() -> None:
        lanes = generator.integers(num_lanes, size=BATCH_SIZE)
        copy_slices(arrays, lanes, generator.integers(capacity - length + 1, size=BATCH_SIZE), out)

    def check() -> None:
        batch = ring.sample(BATCH_SIZE, length, seed=1, draw=0, return_positions=True)
        copy_slices(arrays, batch.pop("history_index"), batch.pop("history_offset"), out)
        require_equal_fields(batch, out)

    window_bytes = length * TRANSITION_BYTES
    contest = Contest(
        Contender("RingBuffer.sample", sample_ring, calls * BATCH_SIZE),
        (Contender("NumPy slices", slice_arrays, BATCH_SIZE),),
        check,
        memcpy(window_bytes, copy_bytes),
        window_bytes,
    )
    rivals = [research_script.sample_rival(arrays, BATCH_SIZE, length)]
    rivals += [
        rival
        for package in ("flashbax", "cpprb", "torchrl")
        for rival in rival_of(package, f"{package}_ring.sample_rival", arrays, BATCH_SIZE, length)
    ]
    yield with_rivals(contest, rivals)


@contextmanager
def append(num_lanes: int, capacity: int, copy_bytes: int) -> Iterator[Contest]:
    """`RingBuffer.append`, a row of all lanes at a time, against assigning it to NumPy columns."""
    rows = random_transitions(64, num_lanes)
    steps = [{name: array[t] for name, array in rows.items()} for t in range(64)]
    ring, columns = empty_ring(num_lanes, capacity)
    clock = count()

    def append_rows() -> None:
        for step in steps:
            ring.append(step)

    def assign_columns() -> None:
        for step in steps:
            t = next(clock) % capacity
            for name, values in step.items():
                columns[name][:, t] = values

    def check() -> None:
        for _ in range(capacity // len(steps)):
            append_rows()
            assign_columns()
        ring.flush()
        require_lanes(ring, columns, capacity)

    transitions = len(steps) * num_lanes
    subject = Contender("RingBuffer.append", append_rows, transitions)
    rival = Contender("NumPy columns", assign_columns, transitions)
    yield against_memcpy(subject, rival, check, copy_bytes)


@contextmanager
def append_block(num_lanes: int, capacity: int, length: int, copy_bytes: int) -> Iterator[Contest]:
    """`RingBuffer.append_block` of `length` transitions a lane against assigning NumPy slices."""
    block = random_transitions(num_lanes, length)
    ring, rows = empty_ring(num_lanes, capacity)
    parts = count()

    def append_part() -> None:
        ring.append_block(range(num_lanes), block)

    def assign_part() -> None:
        first = next(parts) * length % capacity
        for name, values in block.items():
            rows[name][:, first : first + length] = values

    def check() -> None:
        append_part()
        assign_part()
        require_lanes(ring, rows, length)

    transitions = num_lanes * length
    subject = Contender("RingBuffer.append_block", append_part, transitions)
    rival = Contender("NumPy slices", assign_part, transitions)
    yield against_memcpy(subject, rival, check, copy_bytes)
