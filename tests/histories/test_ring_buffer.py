"""The ring buffer under a racing writer, and with bad input.

Against its plain-Python twin it is held in test_ring_states.py, alone in native programs.
"""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from made_histories import SCHEMA, assert_same_batch, make_rows

from adfast.errors import AdfastError, InvalidArgument
from adfast.histories import FieldSchema, RingBuffer
from adfast.tasks.fields import Field
from reference.ring_buffer import RingBufferReference


def test_many_histories_come_and_go():
    """The table of histories is moved and reused while lanes evict at different speeds."""
    rng = np.random.default_rng(0)
    ring = RingBuffer(SCHEMA, 3, 50)
    twin = RingBufferReference(SCHEMA.fields, 3, 50)
    for step in range(400):
        lanes = [0] if step % 3 else [1, 2]
        block = make_rows(rng, len(lanes), 4)
        ring.append_block(lanes, block)
        twin.append_block(lanes, block)
    assert (ring.num_histories, ring.num_transitions) == twin.num_held()
    batch = ring.sample(16, 3, seed=1, draw=0, align="episode")
    assert_same_batch(batch, twin.sample(16, 3, seed=1, draw=0, align="episode"))


def test_staged_rows_are_visible_after_flush_or_64_rows():
    ring = RingBuffer(SCHEMA, 2, 1000)
    row = make_rows(np.random.default_rng(0), 2)
    for _ in range(63):
        ring.append(row)
    assert ring.num_transitions == 0
    ring.append(row)
    assert ring.num_transitions == 128
    ring.append(row)
    ring.flush()
    assert ring.num_transitions == 130


def test_rows_continue_the_open_history_unless_marked():
    ring = RingBuffer(SCHEMA, 2, 100)
    block = make_rows(np.random.default_rng(0), 2, 10)
    ring.append_block([0, 1], block)
    ring.append_block([0, 1], block, starts=False)
    assert ring.num_histories == 2
    batch = ring.sample(64, 15, seed=0, draw=0, fields=["action"])
    joined = np.concatenate([block["action"], block["action"]], axis=1)
    windows = {joined[lane, start : start + 15].tobytes() for lane in (0, 1) for start in range(6)}
    assert {window.tobytes() for window in batch["action"]} <= windows


def test_no_window_is_torn_by_a_racing_writer():
    """Two threads sample while a third overwrites."""
    schema = FieldSchema(
        {"count": Field(np.dtype(np.uint64)), "low": Field(np.dtype(np.uint16), (3,))}
    )
    ring = RingBuffer(schema, 2, 3000)
    block_rows = 700
    stop = threading.Event()
    failures: list[str] = []
    num_windows = 0

    def rows_from(first: int) -> dict[str, np.ndarray]:
        count = np.arange(first, first + block_rows, dtype=np.uint64)
        count = np.stack([count, count + np.uint64(10**9)])
        low = (count[..., None] * np.array([1, 3, 5], np.uint64)).astype(np.uint16)
        return {"count": count, "low": low}

    def write() -> None:
        first = 5 * block_rows
        while not stop.is_set():
            ring.append_block([0, 1], rows_from(first), starts=first % (50 * block_rows) == 0)
            first += block_rows

    def read(seed: int) -> None:
        nonlocal num_windows
        draw = 0
        while not stop.is_set() and not failures:
            try:
                batch = ring.sample(32, 900, seed=seed, draw=draw, threads=2)
            except AdfastError as error:
                if "overwriting" not in str(error):
                    failures.append(str(error))
                continue
            draw += 1
            count = batch["count"]
            if (count != count[:, :1] + np.arange(900, dtype=np.uint64)).any():
                failures.append("rows are not consecutive")
            low = (count[..., None] * np.array([1, 3, 5], np.uint64)).astype(np.uint16)
            if (batch["low"] != low).any():
                failures.append("fields are not of the same rows")
            num_windows += 32

    for first in range(5):
        ring.append_block([0, 1], rows_from(first * block_rows), starts=first == 0)
    threads = [threading.Thread(target=write)]
    threads += [threading.Thread(target=read, args=(seed,)) for seed in range(2)]
    for thread in threads:
        thread.start()
    while num_windows <= 2_000 and not failures:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_second_writer_is_refused():
    ring = RingBuffer(FieldSchema({"value": Field(np.dtype(np.uint8), (64,))}), 16, 20000)
    block = {"value": np.zeros((16, 20000, 64), np.uint8)}
    refusals: list[str] = []

    def write() -> None:
        for _ in range(100):
            try:
                ring.append_block(range(16), block)
            except RuntimeError as error:
                refusals.append(str(error))
            if refusals:
                return

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "a ring buffer has one writer at a time" in refusals[0]
    assert ring.num_transitions == 16 * 20000


BLOCK = make_rows(np.random.default_rng(0), 2, 8)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda ring: RingBuffer(SCHEMA, 0, 5),
            "num_lanes must be an integer of at least 1, got 0",
        ),
        (lambda ring: RingBuffer(SCHEMA, 2**31, 5), "2147483648 lanes takes .*GiB, which this"),
        (lambda ring: RingBuffer(SCHEMA, 1, 0), "capacity must be an integer of at least 1, got 0"),
        (lambda ring: RingBuffer(FieldSchema({}), 1, 1), "at least one field"),
        (
            lambda ring: RingBuffer(FieldSchema({"x": Field(np.dtype(object))}), 1, 1),
            'field "x" must be boolean, integer or float of at most 64 bits in .* got dtype object',
        ),
        (
            lambda ring: RingBuffer(FieldSchema({"offsets": Field(np.dtype(np.uint8))}), 1, 1),
            "identifiers of at most 100 characters other than document_start.*got 'offsets'",
        ),
        (
            lambda ring: ring.append({"action": np.zeros(4, np.uint8)}),
            "fields must be exactly observation.*missing: observation.*unknown: none",
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK | {"colour": BLOCK["action"]}),
            "unknown: colour",
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK | {"action": BLOCK["action"] * 1.0}),
            r'field "action" must be a NumPy array of dtype uint8, got float64; convert it with',
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK | {"action": [[1] * 8] * 2}),
            'field "action" must be a NumPy array of dtype uint8, got list',
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK | {"action": BLOCK["action"][:, :3]}),
            r'field "action" must have shape \(2, 8\), got \(2, 3\)',
        ),
        (
            lambda ring: ring.append_block([0, 4], BLOCK),
            r"lanes must be in 0\.\.3, got 4",
        ),
        (lambda ring: ring.append_block([0, 0], BLOCK), "lanes must be distinct"),
        (
            lambda ring: ring.append_block([0, 1], BLOCK, lengths=np.array([1, 9])),
            r"lengths must be in 1\.\.8 \(block of 8, capacity 20\), got 1\.\.9",
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK, lengths=np.array([0, 8])),
            r"lengths must be in 1\.\.8.*got 0\.\.8",
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK, lengths=np.array([1.0, 8.0])),
            "lengths must be integers, got float64",
        ),
        (
            lambda ring: ring.append_block([0, 1], BLOCK, starts=np.array([True])),
            r"starts must be bool of shape \(2,\), got bool of shape \(1,\)",
        ),
        (
            lambda ring: ring.append(make_rows(np.random.default_rng(0), 4), np.zeros(4)),
            r"starts must be bool of shape \(4,\), got float64",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    ring = RingBuffer(SCHEMA, 4, 20)
    with pytest.raises(InvalidArgument, match=message):
        call(ring)


def test_empty_ring_says_so():
    with pytest.raises(InvalidArgument, match="no history holds a transition; append some first"):
        RingBuffer(SCHEMA, 4, 20).sample(1, 1, seed=0, draw=0)
