"""When the layers' own kernels (`csrc/layers.hpp`) compute, and how they see tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

_definitions_asked = 0  # contexts of `by_definition` that are open
WITH_MEMORY = (Tensor, nn.Parameter)  # tensors of other types may stand for others, or for none


def computes_natively(*tensors: Tensor) -> bool:
    """Whether the kernels take these: float32 on the processor, where gradients are recorded.

    Everything else is computed by torch, by the definition that stands beside each kernel: a step
    of acting has few rows, and what a function of ours costs by itself would be most of it.
    """
    recorded = torch.is_grad_enabled() and not torch.compiler.is_compiling()
    return recorded and not _definitions_asked and have_memory(*tensors)


@contextmanager
def by_definition() -> Iterator[None]:
    """Within it torch computes all layers, in every thread.

    For weights whose memory comes and goes: what NumPy has seen of a tensor cannot be freed.
    """
    global _definitions_asked
    _definitions_asked += 1
    try:
        yield
    finally:
        _definitions_asked -= 1


def have_memory(*tensors: Tensor) -> bool:
    """Whether these are float32 on the processor, and no stand-ins for others."""
    return all(
        x.dtype == torch.float32 and x.device.type == "cpu" and type(x) in WITH_MEMORY
        for x in tensors
    )


def memory(x: Tensor) -> np.ndarray:
    """The memory of `x` without its history; `x` must be contiguous."""
    array: np.ndarray = x.detach().numpy()
    return array
