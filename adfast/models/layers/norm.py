"""Layer normalisation of a residual stream, which goes on beside what is normalised.

On the processor a kernel of ours (`csrc/layers_norm.hpp`) computes it; its gradient takes up that
of the stream, which torch would add in a pass of its own.

Axes: M rows, C width.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.layers.native_layers import computes_natively, memory


def with_norm(x: Tensor, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """`x [..., C]` and its normalised form; use this `x` for what goes on beside it."""
    if not computes_natively(x, norm.weight):
        return x, plain_norm(x, norm)
    stream, normal = Norm.apply(x.contiguous(), norm.weight, norm.eps, processor.instruction_set())
    return stream, normal


def plain_norm(x: Tensor, norm: nn.LayerNorm) -> Tensor:
    """The definition of `with_norm`'s second value."""
    return F.layer_norm(x, norm.weight.shape, norm.weight, None, norm.eps)


class Norm(torch.autograd.Function):
    """`with_norm` of contiguous `[..., C]`."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, epsilon: float, instruction_set: str
    ) -> tuple[Tensor, Tensor]:
        """`x` itself and its normalised form."""
        ctx.instruction_set = instruction_set
        ctx.set_materialize_grads(False)
        rows = x.view(-1, len(weight))
        normal = torch.empty_like(x)
        statistics = x.new_empty(len(rows), 2)
        _native.normalise(
            instruction_set,
            memory(rows),
            memory(weight),
            epsilon,
            memory(normal),
            memory(statistics),
        )
        ctx.save_for_backward(x, weight, statistics)
        return x.view_as(x), normal

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_stream: Tensor | None, d_normal: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """The gradients of x and of the weight."""
        if d_normal is None:
            return d_stream, None, None, None
        x, weight, statistics = ctx.saved_tensors
        dx, d_weight = torch.empty_like(x), torch.zeros_like(weight)
        _native.normalise_backward(
            ctx.instruction_set,
            memory(d_normal.contiguous()),
            None if d_stream is None else memory(d_stream.contiguous()),
            memory(x.view(-1, len(weight))),
            memory(statistics),
            memory(weight),
            memory(dx),
            memory(d_weight),
        )
        return dx, d_weight, None, None
