"""Contests of the history store: sampling against the ring buffer, writing against `np.save`."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import numpy as np

from benchmarks.contest import Contest, require_equal_fields
from benchmarks.engine import histories
from benchmarks.limits import memcpy
from benchmarks.pair_timer import Contender
from benchmarks.ring_buffer import (
    BATCH_SIZE,
    SCHEMA,
    TRANSITION_BYTES,
    Arrays,
    filled_ring,
    random_transitions,
)


@contextmanager
def sample(
    length: int, num_histories: int, history_length: int, copy_bytes: int, calls: int
) -> Iterator[Contest]:
    """`HistoryStore.sample` through memory maps against a ring buffer with the same histories."""
    arrays = random_transitions(num_histories, history_length)
    ring = filled_ring(arrays)
    draws = count()
    with tempfile.TemporaryDirectory(prefix="adfast-bench-") as folder:
        write_store(Path(folder) / "store", arrays)
        store = histories.open(Path(folder) / "store")

        def sample_from(sampler: histories.WindowSampler) -> None:
            for _ in range(calls):
                sampler.sample(BATCH_SIZE, length, seed=0, draw=next(draws))

        def check() -> None:
            drawn = [s.sample(BATCH_SIZE, length, seed=1, draw=0) for s in (store, ring)]
            require_equal_fields(*drawn)

        window_bytes = length * TRANSITION_BYTES
        yield Contest(
            Contender("HistoryStore.sample", lambda: sample_from(store), calls * BATCH_SIZE),
            (Contender("RingBuffer.sample", lambda: sample_from(ring), calls * BATCH_SIZE),),
            check,
            memcpy(window_bytes, copy_bytes),
            window_bytes,
        )


@contextmanager
def write(num_histories: int, history_length: int) -> Iterator[Contest]:
    """One durable block of a store against `np.save` and fsync of each field."""
    arrays = random_transitions(num_histories, history_length)
    with tempfile.TemporaryDirectory(prefix="adfast-bench-") as folder:
        store, saved = Path(folder) / "store", Path(folder) / "saved"
        saved.mkdir()

        def check() -> None:
            write_store(store, arrays)
            save_arrays(saved, arrays)
            opened = histories.open(store)
            for history in (0, num_histories - 1):
                rows = {name: np.load(saved / f"{name}.npy")[history] for name in arrays}
                require_equal_fields(opened.history(history), rows)

        transitions = num_histories * history_length
        yield Contest(
            Contender("HistoryWriter", lambda: write_store(store, arrays), transitions),
            (Contender("np.save and fsync", lambda: save_arrays(saved, arrays), transitions),),
            check,
            bytes_per_unit=TRANSITION_BYTES,
        )


def write_store(path: Path, arrays: Arrays) -> None:
    """A complete store of one block in folder `path`, instead of what is there."""
    shutil.rmtree(path, ignore_errors=True)
    num_histories, length = arrays["action"].shape
    with histories.create(path, SCHEMA, num_blocks=1) as writer:
        writer.append_block(0, arrays, np.full(num_histories, length))


def save_arrays(folder: Path, arrays: Arrays) -> None:
    """`np.save` of each array, on disk when it returns."""
    for name, array in arrays.items():
        with (folder / f"{name}.npy").open("wb") as file:
            np.save(file, array)
            os.fsync(file.fileno())
