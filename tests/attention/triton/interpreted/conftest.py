"""Tests of the Triton kernels on the CPU, in Triton's interpreter.

The interpreter is chosen when a kernel is defined, for the whole process, so these tests have one
to themselves: `test_triton_interpreter.py` starts it with TRITON_INTERPRET=1.
"""

import os

import numpy as np
import pytest

if os.environ.get("TRITON_INTERPRET") != "1":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(autouse=True)
def _uninitialised_memory_is_nan():
    """What a kernel forgets to write shows: in this mode torch fills new tensors with NaN."""
    import torch

    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture(autouse=True)
def _bfloat16_is_rounded(monkeypatch):
    """The interpreter cuts float32 off to bfloat16; a GPU rounds to the nearest, ties to even."""
    import triton.language as tl
    from triton.runtime import interpreter

    convert = interpreter._convert_float

    def rounded(values, from_dtype, to_dtype, rounding_mode):
        if (from_dtype, to_dtype) == (tl.float32, tl.bfloat16):
            bits = np.ascontiguousarray(values).view(np.uint32)
            odd = (bits >> 16) & 1
            return ((bits + 0x7FFF + odd) >> 16).astype(np.uint16).reshape(values.shape)
        return convert(values, from_dtype, to_dtype, rounding_mode)

    monkeypatch.setattr(interpreter, "_convert_float", rounded)
