"""Times `RingBuffer.sample` against memcpy and NumPy slices, interleaved, one thread.

Usage: python benchmarks/ring_draft.py [rounds]. Prints, per window length, the bandwidth of sampling
as a share of a one-thread memcpy between two warm 512 MB buffers (median over rounds of the ratio
within a round), and the ratio to NumPy slices into preallocated arrays.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import time
from collections.abc import Callable

import numpy as np

from adfast.histories import FieldSchema, RingBuffer
from adfast.tasks.transition_schema import Field

BATCH_SIZE = 128
NUM_LANES = 4096
CAPACITY = 32768  # x 8 bytes x 4096 lanes = 1 GiB
COPY_BYTES = 512 << 20

SCHEMA = FieldSchema(
    {
        "observation": Field(np.dtype(np.uint8), (2,)),
        "action": Field(np.dtype(np.uint8)),
        "reward": Field(np.dtype(np.float32)),
        "boundary": Field(np.dtype(np.uint8)),
    }
)


def fill(ring: RingBuffer) -> None:
    block = {
        name: np.ones((256, CAPACITY, *field.shape), field.dtype)
        for name, field in SCHEMA.fields.items()
    }
    for lane in range(0, NUM_LANES, 256):
        ring.append_block(range(lane, lane + 256), block)


def warm_buffer(has_huge_pages: bool) -> np.ndarray:
    block = mmap.mmap(-1, COPY_BYTES)
    block.madvise(mmap.MADV_HUGEPAGE if has_huge_pages else mmap.MADV_NOHUGEPAGE)
    buffer = np.frombuffer(block, np.uint8)
    buffer[:] = 1
    return buffer


def seconds(function: Callable[[], object]) -> float:
    begin = time.perf_counter()
    cpu = time.thread_time()
    function()
    _ = time.perf_counter() - begin
    return time.thread_time() - cpu


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    ring = RingBuffer(SCHEMA, NUM_LANES, CAPACITY)
    fill(ring)
    rival_lanes = {  # the same layout; a quarter of the lanes is far beyond the caches too
        name: np.ones((NUM_LANES // 4, CAPACITY, *field.shape), field.dtype)
        for name, field in SCHEMA.fields.items()
    }
    buffers = {
        "4 KB pages": (warm_buffer(False), warm_buffer(False)),
        "huge pages": (warm_buffer(True), warm_buffer(True)),
    }
    generator = np.random.default_rng(0)
    draw = 0

    for length, batches in ((20, 1000), (100, 500), (400, 200), (1024, 80), (4096, 20)):
        num_bytes = batches * BATCH_SIZE * length * 8
        out = {
            name: array.copy()
            for name, array in ring.sample(BATCH_SIZE, length, seed=0, draw=0).items()
        }

        def sample(length: int = length, batches: int = batches) -> None:
            nonlocal draw
            for _ in range(batches):
                draw += 1
                ring.sample(BATCH_SIZE, length, seed=0, draw=draw)

        def slices(length: int = length, batches: int = batches, out: dict = out) -> None:
            for _ in range(batches // 8 + 1):
                lanes = generator.integers(0, NUM_LANES // 4, BATCH_SIZE).tolist()
                starts = generator.integers(0, CAPACITY - length + 1, BATCH_SIZE).tolist()
                for name, array in out.items():
                    source_lanes = rival_lanes[name]
                    for row, (lane, start) in enumerate(zip(lanes, starts, strict=True)):
                        array[row] = source_lanes[lane, start : start + length]

        def copy(pages: str) -> float:
            target, source = buffers[pages]
            return COPY_BYTES / seconds(
                lambda: ctypes.memmove(target.ctypes.data, source.ctypes.data, COPY_BYTES)
            )

        rates, speedups = [], []
        shares: dict[str, list[float]] = {pages: [] for pages in buffers}
        for _ in range(rounds):
            before = {pages: copy(pages) for pages in buffers}
            rate = num_bytes / seconds(sample)
            slice_rate = num_bytes * ((batches // 8 + 1) / batches) / seconds(slices)
            for pages in buffers:
                shares[pages].append(2 * rate / (before[pages] + copy(pages)))
            speedups.append(rate / slice_rate)
            rates.append(rate)
        text = ", ".join(
            f"{np.median(share):4.0%} of memcpy in {pages} "
            f"({np.quantile(share, 0.25):.0%} to {np.quantile(share, 0.75):.0%})"
            for pages, share in shares.items()
        )
        print(
            f"L={length:5d}: {np.median(rates) / 1e9:5.2f} GB/s, "
            f"{np.median(rates) / length / 8 / 1e3:6.0f}k windows/s, {text}, "
            f"{np.median(speedups):.1f}x NumPy slices"
        )


if __name__ == "__main__":
    main()
