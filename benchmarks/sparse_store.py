"""Contests of a history store of 10^9 transitions, whose transitions are holes in its files.

Opening reads what it would read of any store; windows come through the same mappings and page
tables. The holes hold zeros and take memory page by page when first read, so a contest draws the
same few thousand windows again and again, from either store, and both have them in memory. What is
compared is then what size costs: looking up a window among more histories, and translating
addresses that lie further apart.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.contest import Contest, require_equal, require_equal_fields
from benchmarks.engine import (
    BlockRecord,
    Manifest,
    describe_schema,
    histories,
    make_header,
    place_tensors,
    write_manifest,
)
from benchmarks.pair_timer import Contender
from benchmarks.ring_buffer import BATCH_SIZE, SCHEMA, TRANSITION_BYTES

# On a disk's file system a hole may be filled two megabytes at a time.
MEMORY = Path("/dev/shm")


@contextmanager
def sample(
    length: int,
    num_blocks: int,
    small_blocks: int,
    block_histories: int,
    history_length: int,
    draws: int,
) -> Iterator[Contest]:
    """`draws` batches from a store of `num_blocks` blocks against one of `small_blocks`."""
    with two_stores(num_blocks, small_blocks, block_histories, history_length) as paths:
        large, small = (histories.open(path) for path in paths)

        def sample_from(store: histories.HistoryStore) -> None:
            for draw in range(draws):
                store.sample(BATCH_SIZE, length, seed=0, draw=draw)

        def check() -> None:
            for store in (large, small):
                sample_from(store)  # its pages are there when the clock starts
            drawn = [s.sample(BATCH_SIZE, length, seed=0, draw=0) for s in (large, small)]
            require_equal_fields(*drawn)

        windows = draws * BATCH_SIZE
        yield Contest(
            Contender("large store", lambda: sample_from(large), windows),
            (Contender("smaller store", lambda: sample_from(small), windows),),
            check,
            bytes_per_unit=length * TRANSITION_BYTES,
        )


@contextmanager
def open_store(
    num_blocks: int, small_blocks: int, block_histories: int, history_length: int
) -> Iterator[Contest]:
    """Opening a store of `num_blocks` blocks next to opening one of `small_blocks`."""
    with two_stores(num_blocks, small_blocks, block_histories, history_length) as paths:

        def check() -> None:
            for path, blocks in zip(paths, (num_blocks, small_blocks), strict=True):
                expected = np.full(blocks * block_histories, history_length)
                require_equal("lengths", histories.open(path).lengths, expected)

        yield Contest(
            Contender("large store", lambda: histories.open(paths[0]), 1),
            (Contender("smaller store", lambda: histories.open(paths[1]), 1),),
            check,
        )


@contextmanager
def two_stores(
    num_blocks: int, small_blocks: int, block_histories: int, history_length: int
) -> Iterator[tuple[Path, Path]]:
    """The folders of a large and a small store of equal blocks."""
    with tempfile.TemporaryDirectory(
        prefix="adfast-bench-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        paths = Path(folder) / "large", Path(folder) / "small"
        for path, blocks in zip(paths, (num_blocks, small_blocks), strict=True):
            write_sparse_store(path, blocks, block_histories, history_length)
        yield paths


def write_sparse_store(
    path: Path, num_blocks: int, block_histories: int, history_length: int
) -> None:
    """A complete store that opens, of zeros that take no space; its checksums are not true."""
    path.mkdir()
    offsets = np.arange(block_histories + 1, dtype=np.int64) * history_length
    records = []
    for number in range(num_blocks):
        record = BlockRecord(
            block=number,
            histories=block_histories,
            transitions=block_histories * history_length,
            episodes=None,
            num_bytes=1,
            xxh3="0" * 16,
            columns={},
            metadata={},
        )
        tensors = place_tensors(SCHEMA.fields, record)
        header = make_header(tensors, record)
        num_bytes = len(header) + max(tensor.end for tensor in tensors.values())
        with (path / record.file_name).open("wb") as file:
            file.write(header)
            file.seek(len(header) + tensors["offsets"].begin)
            file.write(offsets.tobytes())
            file.truncate(num_bytes)
        records.append(record.model_copy(update={"num_bytes": num_bytes}))
    content = {**describe_schema(SCHEMA), "description": {}, "num_blocks": num_blocks}
    blocks = [record.model_dump() for record in records]
    write_manifest(path, Manifest.from_mapping(content | {"blocks": blocks}))
