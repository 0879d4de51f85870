"""UndividedGradient: one batch's gradient as one piece of work, for a device with its own threads.

In a lower precision a copy of the model computes. The parameters that are optimised stay float32:
each call copies them into the blocks of the copy, and the copy's gradients back. Against autocast
this casts a weight once per update instead of once per use, keeps the residual stream small, gives
torch.compile a plain model, and serves acting in the same precision (`models.device`).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from adfast.models.device import in_precision
from adfast.models.transformer import Transformer
from adfast.training.gradients.objective import asked_action, next_action_accuracy, next_action_loss
from adfast.training.gradients.sharded_gradient import Batch

MOST_COUNTED_ROWS = 1024  # of an embedding's table: 2 KiB for each token


class UndividedGradient:
    """Leaves the gradient of the mean loss of a batch in the `grad` of `model`'s parameters.

    `precision` is that of the blocks; with a `compiler` (a backend of torch.compile) model and loss
    are one graph, and dropout draws from torch's own generator, seeded by each call.
    """

    def __init__(
        self,
        model: Transformer,
        precision: torch.dtype,
        *,
        compiler: str | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.model = model
        self.computing = in_precision(model, model.head.device, precision)
        self.is_compiled = compiler is not None
        embedding = self.computing.embedding
        embedding.counts_rows = (
            self.is_compiled
            and precision == torch.bfloat16
            and len(embedding.table) <= MOST_COUNTED_ROWS
        )
        smoothed = partial(loss_and_accuracy, label_smoothing=label_smoothing)
        self._differentiable = (
            smoothed
            if compiler is None
            else torch.compile(smoothed, fullgraph=True, dynamic=False, backend=compiler)
        )
        # Parameters of one dtype share their memory; the others have a twin in the copy.
        self._shared: list[tuple[nn.Parameter, nn.Parameter]] = []
        self._optimised: list[Tensor] = []
        self._rounded: list[Tensor] = []
        for own, other in zip(model.parameters(), self.computing.parameters(), strict=True):
            if own.dtype == other.dtype:
                other.data = own.data
                self._shared.append((own, other))
            else:
                self._optimised.append(own)
                self._rounded.append(other)
        self._gradients = [torch.empty_like(own, requires_grad=False) for own in self._optimised]

    def __call__(self, batch: Batch, dropout_seed: int | None = None) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy of `batch` `[B, T, ...]`; replaces all gradients.

        Nothing waits for the device.
        """
        return self.compute(batch, self.seed_dropout(dropout_seed))

    def seed_dropout(self, dropout_seed: int | None) -> int | None:
        """Seed torch's own generator where that draws; what is left for `compute` to key."""
        if not self.is_compiled:
            return dropout_seed
        if dropout_seed is not None:
            torch.manual_seed(dropout_seed)
        return None  # a number would become part of the graph

    def compute(self, batch: Batch, dropout_seed: int | None = None) -> tuple[Tensor, Tensor]:
        """A call without the seeding, which a CUDA graph cannot hold."""
        if self._rounded:
            with torch.no_grad():
                torch._foreach_copy_(self._rounded, self._optimised)
        self.computing.zero_grad(set_to_none=True)
        loss, accuracy = self._differentiable(self.computing, batch, dropout_seed)
        loss.backward()
        for own, other in self._shared:
            own.grad = other.grad
        if self._rounded:
            computed = [other.grad for other in self._rounded if other.grad is not None]
            torch._foreach_copy_(self._gradients, computed)
            for optimised, gradient in zip(self._optimised, self._gradients, strict=True):
                optimised.grad = gradient
        return loss.detach(), accuracy

    def close(self) -> None:
        """Drop the copy."""
        del self.computing


def loss_and_accuracy(
    model: Transformer, batch: Batch, dropout_seed: int | None, label_smoothing: float = 0.0
) -> tuple[Tensor, Tensor]:
    """What is differentiated, and beside it what is only watched."""
    logits = model(batch, dropout_seed=dropout_seed)
    asked = asked_action(batch)
    loss = next_action_loss(logits, asked, label_smoothing)
    return loss, next_action_accuracy(logits, asked)
