"""ShardedGradient: one batch's gradient, computed by several threads on slices of its rows.

A small model's operations are too short to be worth splitting over cores one by one: threads would
mostly wait for one another. So each thread takes whole rows through forward and backward on a
replica that shares the parameters, and the gradients are added in a fixed order.

Axes: B batch, T time, A actions.
"""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor

import torch

from adfast.training.gradients.objective import asked_action, next_action_accuracy, next_action_loss

Batch = dict[str, torch.Tensor]


class ShardedGradient:
    """Leaves the gradient of the mean loss of a batch in the `grad` of `model`'s parameters.

    `num_shards` threads (or as many as there are rows) work on one slice of the rows each. The sum
    depends on their number in its last bits, and repeats bit for bit at the same number.
    """

    def __init__(
        self, model: torch.nn.Module, num_shards: int, *, label_smoothing: float = 0.0
    ) -> None:
        self.label_smoothing = label_smoothing
        self.replicas = [model, *(replicate(model) for _ in range(num_shards - 1))]
        self._pool = ThreadPoolExecutor(
            num_shards,
            thread_name_prefix="gradient",
            initializer=torch.set_num_threads,
            initargs=(1,),
        )

    def __call__(
        self, batch: Batch, dropout_seed: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss and accuracy of `batch` `[B, T, ...]`; replaces all gradients."""
        rows = len(batch["action"])
        num_shards = min(len(self.replicas), rows)
        shards = [
            (replica, rows * n // num_shards, rows * (n + 1) // num_shards)
            for n, replica in enumerate(self.replicas[:num_shards])
        ]

        def differentiate(
            replica: torch.nn.Module, first: int, last: int
        ) -> tuple[torch.Tensor, torch.Tensor]:
            replica.zero_grad(set_to_none=True)
            shard = {name: values[first:last] for name, values in batch.items()}
            # Each shard draws its own dropout; the first draws what an undivided batch would.
            shard_seed = None if dropout_seed is None else dropout_seed + first
            logits = replica(shard, dropout_seed=shard_seed)
            share = (last - first) / rows
            asked = asked_action(shard)
            loss = next_action_loss(logits, asked, self.label_smoothing) * share
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach(), next_action_accuracy(logits, asked) * share

        if len(shards) == 1:
            return differentiate(*shards[0])
        results = list(self._pool.map(differentiate, *zip(*shards, strict=True)))
        first_gradients = gradients(self.replicas[0])
        for replica, _, _ in shards[1:]:
            torch._foreach_add_(first_gradients, gradients(replica))
        losses, accuracies = zip(*results, strict=True)
        return torch.stack(losses).sum(), torch.stack(accuracies).sum()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def replicate(model: torch.nn.Module) -> torch.nn.Module:
    """A copy of `model` with the same parameter memory and gradients of its own."""
    replica = copy.deepcopy(model)
    for own, shared in zip(replica.parameters(), model.parameters(), strict=True):
        own.data = shared.data
    return replica


def gradients(model: torch.nn.Module) -> list[torch.Tensor]:
    """The gradients of all parameters, in the order of `parameters()`."""
    return [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
