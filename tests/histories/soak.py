"""Ring traffic at full speed for a long time: `make soak`, `--minutes` 10 unless told otherwise.

Two processes side by side, both with rows, episodes and histories numbered from just below 2**32:
the C++ race (csrc/tests/ring_race.cpp), and writer and samplers in Python. Fails if a window is
torn, or if the memory of either grows by more than 1% after the first tenth of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from native_program import NEAR_32_BITS, build

from adfast import _native
from adfast.histories import FieldSchema, RingBuffer
from adfast.tasks.fields import Field

MAX_GROWTH = 1.01
SCHEMA = FieldSchema(
    {
        "row": Field(np.dtype(np.uint64)),
        "episode_step": Field(np.dtype(np.uint16)),
        "low": Field(np.dtype(np.uint8), (3,)),
    }
)
NUM_LANES, CAPACITY, BLOCK, LENGTH = 4, 4096, 500, 200
STRIDES = np.array([1, 3, 5], np.uint64)
LANE_ROWS = 10**12  # the numbers of a lane's rows begin this far from those of the lane before


class PythonTraffic:
    """One thread that appends and two that sample, with every batch checked."""

    def __init__(self) -> None:
        numbered = partial(_native.RingBuffer, first_number=NEAR_32_BITS)
        with mock.patch.object(_native, "RingBuffer", numbered):
            self.ring = RingBuffer(SCHEMA, NUM_LANES, CAPACITY)
        self.next_row = 0
        self.stop = threading.Event()
        self.num_windows = [0, 0]
        self.failures: list[str] = []

    def rows(self, *shape: int) -> dict[str, np.ndarray]:
        """The next rows of every lane, `[NUM_LANES, *shape]`."""
        count = int(np.prod(shape, dtype=np.int64))
        lanes = np.arange(NUM_LANES, dtype=np.uint64)[:, None] * np.uint64(LANE_ROWS)
        row = np.arange(self.next_row, self.next_row + count, dtype=np.uint64) + lanes
        self.next_row += count
        fields = {
            "row": row,
            "episode_step": (row % np.uint64(10)).astype(np.uint16),
            "low": (row[..., None] * STRIDES).astype(np.uint8),
        }
        return {
            name: value.reshape(NUM_LANES, *shape, *value.shape[2:])
            for name, value in fields.items()
        }

    def write(self) -> None:
        """Append until told to stop."""
        starts = np.zeros(NUM_LANES, bool)
        while not self.stop.is_set():
            begins = self.next_row % 7 == 0
            self.ring.append_block(range(NUM_LANES), self.rows(BLOCK), starts=begins)
            for _ in range(3):
                self.ring.append(self.rows(), starts)

    def read(self, reader: int) -> None:
        """Sample and check until told to stop."""
        draw = 0
        while not self.stop.is_set():
            numbers: dict[str, Any] = {"seed": reader, "draw": draw, "threads": 2}
            align = "episode" if draw % 3 == 0 else "step"
            draw += 1
            if draw % 2:
                batch = self.ring.sample(16, LENGTH, align=align, **numbers)
            else:
                batch = self.ring.sample_packed(16, LENGTH, align=align, **numbers)
                start = batch["document_start"]
            row = batch["row"]
            is_next = row[:, 1:] == row[:, :-1] + np.uint64(1)
            if draw % 2 == 0:
                is_next |= start[:, 1:] != start[:, :-1]
            is_whole = (
                is_next.all()
                and (batch["low"] == (row[..., None] * STRIDES).astype(np.uint8)).all()
                and (batch["episode_step"] == row % np.uint64(10)).all()
            )
            if not is_whole:
                self.failures.append(f"torn window in draw {numbers}")
            self.num_windows[reader] += 16

    def run(self, seconds: float) -> dict[str, Any]:
        """Traffic for so long; what was counted."""
        for _ in range(CAPACITY // BLOCK):
            self.ring.append_block(range(NUM_LANES), self.rows(BLOCK), starts=self.next_row == 0)
        threads = [threading.Thread(target=self.write)]
        threads += [threading.Thread(target=self.read, args=(reader,)) for reader in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(seconds / 10)
        first = most = resident_bytes()
        end = time.monotonic() + 0.9 * seconds
        while time.monotonic() < end and all(thread.is_alive() for thread in threads):
            time.sleep(min(1.0, seconds / 20))
            most = max(most, resident_bytes())
        if not all(thread.is_alive() for thread in threads):
            self.failures.append("a thread ended with an error")
        self.stop.set()
        for thread in threads:
            thread.join()
        return {
            "rows": self.next_row * NUM_LANES,
            "windows": sum(self.num_windows),
            "torn": len(self.failures),
            "resident_bytes": most,
            "memory_growth": round(most / first, 4),
        }


def resident_bytes() -> int:
    """Bytes of this process that lie in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def soak(seconds: float) -> dict[str, dict[str, Any]]:
    """The counts of both processes."""
    with tempfile.TemporaryDirectory() as folder:
        program = build("ring_race", Path(folder))
        command = [str(program), "0", str(seconds), str(NEAR_32_BITS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as race:
            python = PythonTraffic().run(seconds)
            output, _ = race.communicate()
    return {"C++": json.loads(output), "Python": python}


def main() -> int:
    """Soak as the command line says; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    outcome = soak(60 * parser.parse_args().minutes)
    is_sound = True
    for name, counts in outcome.items():
        print(f"{name}: {json.dumps(counts)}")
        wrong = counts["torn"] + counts.get("misnamed", 0)
        is_sound &= wrong == 0 and counts["memory_growth"] <= MAX_GROWTH
    print("memory flat, no torn window" if is_sound else "FOUND SOMETHING: see above")
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
