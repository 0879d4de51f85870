"""How many threads a training step should use: measured, since neighbours make barriers costly."""

from __future__ import annotations

import time

import torch

from adfast.provenance import available_cores
from adfast.training.objective import next_action_loss


def measured_thread_count(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> int:
    """The fastest number of threads among 1, 2, 4, ... for a forward and backward pass.

    Leaves the parameters as they are, no gradient behind, and the thread count as it was.
    """
    before = torch.get_num_threads()
    candidates = [1]
    while candidates[-1] * 2 <= available_cores():
        candidates.append(candidates[-1] * 2)
    if len(candidates) == 1:
        return 1
    seconds = dict.fromkeys(candidates, float("inf"))
    try:
        for _ in range(3):  # the first round also warms up; the least of each counts
            for threads in candidates:
                torch.set_num_threads(threads)
                started = time.perf_counter()
                logits = model(batch, dropout_seed=0)
                next_action_loss(logits, batch["action"]).backward()  # type: ignore[no-untyped-call]
                seconds[threads] = min(seconds[threads], time.perf_counter() - started)
    finally:
        torch.set_num_threads(before)
        model.zero_grad(set_to_none=True)
    return min(candidates, key=lambda threads: seconds[threads])
