"""ParallelGradient: one batch's gradient, computed by several processes on rows of it.

Each process takes its rows through forward and backward. Where each has the whole model, torch's
DistributedDataParallel adds the gradients up while the backward pass goes on; where each has a
share, FSDP2 does (`fully_sharded.py`). Contexts may be cut too: then several processes have the
same rows, and each a run of their transitions (`attention.halo`).

Axes: B batch, T time, A actions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.parallel import DistributedDataParallel

from adfast.attention import ContextShare
from adfast.models.layers.native_layers import by_definition
from adfast.models.transformer import Transformer
from adfast.training.gradients.objective import asked_action, next_action_accuracy, next_action_loss
from adfast.training.gradients.sharded_gradient import Batch
from adfast.training.parallel.fully_sharded import is_fully_sharded
from adfast.training.parallel.processes import Processes

# Buffers are constants, the same in all; torch 2.13 gave the keyword another name.
KEYWORDS = inspect.signature(DistributedDataParallel.__init__).parameters
NEW_KEYWORD, OLD_KEYWORD = "forward_sync_buffers", "broadcast_buffers"
LEAVES_BUFFERS: dict[str, Any] = {NEW_KEYWORD if NEW_KEYWORD in KEYWORDS else OLD_KEYWORD: False}


class ParallelGradient:
    """Leaves the gradient of the mean loss of a whole batch in the `grad` of `model`'s parameters.

    Batches have `batch_size` rows in all, and `rows` of `processes` here, which may be one fewer
    than elsewhere: losses are weighted by them. `precision` is that of the blocks. Where contexts
    are cut over several `context_ranks`, a process computes its run of each.
    """

    def __init__(
        self,
        model: Transformer,
        processes: Processes,
        precision: torch.dtype,
        *,
        batch_size: int,
        context_ranks: int = 1,
        label_smoothing: float = 0.0,
    ) -> None:
        self._processes = processes
        self._rows = processes.rows(batch_size, context_ranks)
        self._batch_size = batch_size
        self._context_group = processes.context_group(context_ranks)
        self._share = len(self._rows) / batch_size
        self._label_smoothing = label_smoothing
        self._computing: nn.Module = model
        # Gathered weights are let go of as soon as a block is done.
        self._layers: Callable[[], AbstractContextManager[None]]
        self._layers = by_definition if is_fully_sharded(model) else nullcontext
        if not is_fully_sharded(model):
            is_rounded = precision == torch.bfloat16
            self._computing = DistributedDataParallel(
                RoundedBlocks(model, precision) if is_rounded else model,
                device_ids=[model.head.device.index] if model.head.is_cuda else None,
                **LEAVES_BUFFERS,
                gradient_as_bucket_view=True,
            )

    def __call__(self, batch: Batch, dropout_seed: int | None = None) -> tuple[Tensor, Tensor]:
        """Mean loss and accuracy of the whole batch, of which `batch` holds this process's rows.

        Replaces all gradients. Each process draws its own dropout, as threads do that have the same
        rows.
        """
        part, where, number = self._share, {}, 0
        asked, group = asked_action(batch), self._context_group
        if group is not None:
            share = ContextShare.of(group, asked.shape[1])
            part, where, number = part * share.part, {"share": share}, group.rank()
            asked = asked[:, share.first : share.last]
        self._computing.zero_grad(set_to_none=True)
        own = self._rows.start + number * self._batch_size
        seed = None if dropout_seed is None else dropout_seed + own
        with self._layers():
            logits = self._computing(batch, dropout_seed=seed, **where)
            loss = next_action_loss(logits, asked, self._label_smoothing) * part
            # Gradients come out as the mean over processes.
            (loss * self._processes.size).backward()  # type: ignore[no-untyped-call]
        accuracy = next_action_accuracy(logits, asked).to(loss.dtype) * part
        loss, accuracy = self._processes.sum(torch.stack((loss.detach(), accuracy))).unbind()
        return loss, accuracy

    def close(self) -> None:
        """Let go of the model."""
        del self._computing


class RoundedBlocks(nn.Module):
    """`model`, computed with blocks rounded to `precision`; parameters and gradients stay float32.

    Unlike a rounded copy (`UndividedGradient`) it has one gradient of each parameter, in float32,
    which is what is added up over processes.
    """

    def __init__(self, model: Transformer, precision: torch.dtype) -> None:
        super().__init__()
        self.model = model
        self.precision = precision

    def forward(
        self, batch: Batch, dropout_seed: int | None, share: ContextShare | None = None
    ) -> Tensor:
        """The logits `[B, T, A]`."""
        rounded = {
            name: parameter.to(self.precision)
            for name, parameter in self.model.named_parameters()
            if name.startswith("blocks.")
        }
        keywords = {"dropout_seed": dropout_seed, "share": share}
        logits: Tensor = functional_call(self.model, rounded, (batch,), keywords)
        return logits
