"""A call of many small operations as one CUDA graph, which costs the host one launch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

WARM_UP_CALLS = 2  # the first compiles kernels and allocates for libraries, neither is capturable


def captured(
    call: Callable[[], None], state: Sequence[Tensor], device: torch.device
) -> Callable[[], None]:
    """A function that repeats on the CUDA `device` what `call` does to the same tensors.

    `call` must read no value back and use no memory that moves later; it is rehearsed first.
    """
    aside = torch.cuda.Stream(device)
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        rehearse(call, state)
    torch.cuda.current_stream(device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # On the stream of the rehearsal, whose libraries have their memory; torch's own for captures
    # belongs to the device that it was first made on. Other threads, such as one that prefetches
    # batches, may go on using the device meanwhile.
    with (
        torch.cuda.device(device),
        torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"),
    ):
        call()
    replay: Callable[[], None] = graph.replay
    return replay


def rehearse(call: Callable[[], None], state: Sequence[Tensor]) -> None:
    """Carry out `call` a few times and put back `state`, the tensors that it changes for good."""
    saved = [tensor.clone() for tensor in state]
    for _ in range(WARM_UP_CALLS):
        call()
        for tensor, value in zip(state, saved, strict=True):
            tensor.copy_(value)
