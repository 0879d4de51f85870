"""How many threads a training step should use: measured, since a neighbour may own a core."""

from __future__ import annotations

import time

import torch

from adfast.provenance import available_cores
from adfast.training.gradients.sharded_gradient import Batch, ShardedGradient

ROUNDS = 4  # the first also warms up


def measured_thread_count(model: torch.nn.Module, batch: Batch) -> int:
    """The fastest number of threads among 1, 2, 4, ... for the gradient of `batch`.

    Leaves the parameters as they are and no gradient behind.
    """
    candidates = [1]
    while candidates[-1] * 2 <= min(available_cores(), len(batch["action"])):
        candidates.append(candidates[-1] * 2)
    if len(candidates) == 1:
        return 1
    sharded = {threads: ShardedGradient(model, threads) for threads in candidates}
    seconds = dict.fromkeys(candidates, float("inf"))
    try:
        for _ in range(ROUNDS):
            for threads, gradient in sharded.items():
                started = time.perf_counter()
                gradient(batch, dropout_seed=0)
                seconds[threads] = min(seconds[threads], time.perf_counter() - started)
    finally:
        for gradient in sharded.values():
            gradient.close()
        model.zero_grad(set_to_none=True)
    return min(candidates, key=lambda threads: seconds[threads])
