"""Gradients: what computes them where a training is carried out, and how batches get there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from adfast.models.transformer import Transformer
from adfast.provenance import available_cores
from adfast.training.batches.batches import Batches
from adfast.training.batches.prefetch import BatchPrefetcher
from adfast.training.batches.shown_batches import shown_batches
from adfast.training.batches.transfer import CudaTransfer
from adfast.training.config import TrainingConfig
from adfast.training.execution import Execution
from adfast.training.gradients.sharded_gradient import Batch, ShardedGradient
from adfast.training.gradients.threads import measured_thread_count
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.parallel.parallel_gradient import ParallelGradient

BatchOf = Callable[[int], Batch]
Gradient = ShardedGradient | UndividedGradient | ParallelGradient


def make_gradient(
    model: Transformer, execution: Execution, threads: int, config: TrainingConfig
) -> Gradient:
    """What computes gradients: processes or threads on rows of the batch, or a device on all."""
    smoothing = config.label_smoothing
    if not execution.processes.is_alone:
        return ParallelGradient(
            model,
            execution.processes,
            execution.precision,
            batch_size=config.batch_size,
            context_ranks=config.context_ranks,
            label_smoothing=smoothing,
        )
    if execution.is_sharded:
        return ShardedGradient(model, threads, label_smoothing=smoothing)
    return UndividedGradient(
        model,
        execution.precision,
        compiler="inductor" if execution.is_compiled else None,
        label_smoothing=smoothing,
    )


def best_thread_count(model: Transformer, execution: Execution, batches: Batches) -> int:
    """How many threads to train with where the settings leave it open."""
    if execution.is_sharded:
        return measured_thread_count(model, batches(0))
    return max(1, available_cores() // execution.processes.local_size)


@contextmanager
def batches_on_device(
    batches: Batches, updates: range, model: Transformer, device: torch.device
) -> Iterator[BatchOf]:
    """The batches of `updates`: as they are on the processor, prefetched to a device."""
    if device.type == "cpu" or not updates:
        yield batches
        return

    transfer = CudaTransfer(device)
    with shown_batches(batches, model.schema.observation) as shown:
        template = shown(updates[0])
        with BatchPrefetcher(shown.fill, updates, template, transfer) as prefetched:
            yield prefetched
