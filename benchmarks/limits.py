"""What the machine allows at best, as contenders measured in the same rounds."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import numpy as np
import torch

from benchmarks.pair_timer import Contender

COPY_BYTES = 512 << 20
MATRIX_SIZE = 1024


def memcpy(bytes_per_unit: float, copy_bytes: int = COPY_BYTES) -> Contender:
    """One thread copies between two warm buffers of `copy_bytes`."""
    source = np.ones(copy_bytes, np.uint8)
    target = np.ones(copy_bytes, np.uint8)

    def copy() -> None:
        ctypes.memmove(target.ctypes.data, source.ctypes.data, copy_bytes)

    return Contender("memcpy", copy, copy_bytes / bytes_per_unit)


def matrix_product(operations_per_unit: float) -> Contender:
    """One thread multiplies float32 matrices; two operations per multiply-add."""
    left, right = torch.randn(2, MATRIX_SIZE, MATRIX_SIZE).unbind()
    product = torch.empty(MATRIX_SIZE, MATRIX_SIZE)

    def multiply() -> None:
        torch.mm(left, right, out=product)

    return Contender("matrix product", multiply, 2 * MATRIX_SIZE**3 / operations_per_unit)


def bare_interpreter() -> Contender:
    """Python starts and ends."""
    return Contender("bare python", lambda: run_process([sys.executable, "-c", "pass"]), 1)


def run_process(command: list[str]) -> str:
    """What `command` writes to stdout; raises `CalledProcessError` when it fails."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
