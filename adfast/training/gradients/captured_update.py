"""CapturedUpdate: gradient and optimiser step of one update, replayed as one CUDA graph.

An update of a small model is some six hundred short kernels, which a host takes longer to launch
than a device to compute. The first two updates run as they are, on a stream of their own, so that
everything is compiled and every state is there; the third is captured.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.training.gradients.sharded_gradient import Batch
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.optimizers.optimizer import OptimizerGroup

UNCAPTURED_UPDATES = 2

Results = tuple[Tensor, Tensor, Tensor]  # loss, accuracy, norm of the gradient


class CapturedUpdate:
    """Updates the parameters of `optimizer` by compiled gradients; nothing waits for the device.

    All batches must have one shape. From the first call on, nobody else may replace a gradient.
    """

    def __init__(self, gradient: UndividedGradient, optimizer: OptimizerGroup) -> None:
        assert gradient.is_compiled, "dropout of an uncompiled gradient is keyed by a number"
        self._gradient = gradient
        self._optimizer = optimizer
        self._device = gradient.model.head.device
        self._stream = torch.cuda.Stream(self._device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: Batch = {}  # what the graph reads
        self._results: Results | None = None
        self._calls = 0

    def __call__(self, update: int, batch: Batch, dropout_seed: int | None) -> Results:
        """Do update `update` (0-based) on `batch` `[B, T, ...]`.

        The loss, the accuracy and the norm of the gradient, in memory that the next call writes.
        """
        self._optimizer.set_rates(update)
        self._gradient.seed_dropout(dropout_seed)
        self._calls += 1
        if self._calls <= UNCAPTURED_UPDATES:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
            with torch.cuda.stream(self._stream):
                results = self._compute(batch)
            torch.cuda.current_stream(self._device).wait_stream(self._stream)
            return results
        if self._graph is None:
            self._capture(batch)
        assert self._graph is not None
        assert self._results is not None
        for name, values in batch.items():
            self._batch[name].copy_(values)
        self._graph.replay()
        return self._results

    def _compute(self, batch: Batch) -> Results:
        loss, accuracy = self._gradient.compute(batch)
        gradient_norm = self._optimizer.clip()
        self._optimizer.move()
        return loss, accuracy, gradient_norm

    def _capture(self, batch: Batch) -> None:
        self._batch = {name: torch.empty_like(values) for name, values in batch.items()}
        self._graph = torch.cuda.CUDAGraph()
        # Only this thread must keep to what a capture allows: another one prefetches batches.
        with (
            torch.cuda.device(self._device),
            torch.cuda.graph(self._graph, stream=self._stream, capture_error_mode="thread_local"),
        ):
            self._results = self._compute(self._batch)
