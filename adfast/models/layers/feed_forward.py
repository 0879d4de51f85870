"""The feed-forward branch: two products and a GELU between them.

The hidden activations are the widest tensors of a model. On the processor they are worked on in
chunks of rows that stay in the cache: between the products the GELU is computed by a kernel of ours
(`csrc/layers_gelu.hpp`), and what it was computed from is all that is kept for the gradient.

Axes: M rows, C width, F hidden width; `...` is any number of axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.layers.linear import add_weight_gradient, zero_gradient
from adfast.models.layers.native_layers import computes_natively, memory

CHUNK_BYTES = 1 << 20  # of hidden activations; the gradient holds two chunks at a time
ALIGNED_ROWS = 16  # products of a multiple of so many rows are the fastest


def feed_forward(x: Tensor, into: Tensor, out_of: Tensor, onto: Tensor | None = None) -> Tensor:
    """`gelu(x @ into.T) @ out_of.T`, `[..., C]`, plus `onto`; `into [F, C]`, `out_of [C, F]`."""
    if not computes_natively(x, into, out_of):
        branch = plain_feed_forward(x, into, out_of)
        return branch if onto is None else onto + branch
    rows = None if onto is None else onto.flatten(0, -2)
    instruction_set = processor.instruction_set()
    out: Tensor = FeedForward.apply(
        x.flatten(0, -2), into, out_of, rows, instruction_set, CHUNK_BYTES
    )
    return out.view(x.shape)


def plain_feed_forward(x: Tensor, into: Tensor, out_of: Tensor) -> Tensor:
    """The definition of `feed_forward`."""
    return F.linear(F.gelu(F.linear(x, into)), out_of)


class FeedForward(torch.autograd.Function):
    """`feed_forward` of rows `[M, C]`, in chunks of at most `chunk_bytes`."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        into: Tensor,
        out_of: Tensor,
        onto: Tensor | None,
        instruction_set: str,
        chunk_bytes: int,
    ) -> Tensor:
        """The branch's output `[M, C]`, plus `onto`."""
        ctx.size = rows_of_a_chunk(len(x), len(into), chunk_bytes)
        ctx.instruction_set, ctx.is_sum = instruction_set, onto is not None
        hidden, out = x.new_empty(len(x), len(into)), x.new_empty(len(x), len(out_of))
        buffer = x.new_empty(ctx.size, len(into))
        if onto is not None:
            out.copy_(onto)
        for x_rows, hidden_rows, out_rows in chunks(ctx.size, x, hidden, out):
            torch.mm(x_rows, into.T, out=hidden_rows)
            active = buffer[: len(x_rows)]
            _native.gelu(instruction_set, memory(hidden_rows), memory(active))
            out_rows.addmm_(active, out_of.T, beta=int(ctx.is_sum))
        ctx.save_for_backward(x, into, out_of, hidden)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, of both matrices and of `onto`."""
        x, into, out_of, hidden = ctx.saved_tensors
        dx, d_into, d_out_of = torch.empty_like(x), zero_gradient(into), zero_gradient(out_of)
        buffers = x.new_empty(2, ctx.size, len(into))
        for x_rows, hidden_rows, d_out_rows, dx_rows in chunks(ctx.size, x, hidden, d_out, dx):
            active, d_hidden = buffers[:, : len(x_rows)].unbind()
            torch.mm(d_out_rows, out_of, out=d_hidden)
            _native.gelu_backward(
                ctx.instruction_set, memory(hidden_rows), memory(active), memory(d_hidden)
            )
            add_weight_gradient(d_out_of, d_out_rows, active)
            add_weight_gradient(d_into, d_hidden, x_rows)
            torch.mm(d_hidden, into, out=dx_rows)
        return dx, d_into, d_out_of, d_out if ctx.is_sum else None, None, None


def rows_of_a_chunk(num_rows: int, hidden_width: int, chunk_bytes: int) -> int:
    """Rows of which as few chunks of about the same size are made as `chunk_bytes` permit."""
    most = max(1, chunk_bytes // (4 * hidden_width * ALIGNED_ROWS)) * ALIGNED_ROWS
    evenly = -(-num_rows // max(1, -(-num_rows // most)))
    return -(-evenly // ALIGNED_ROWS) * ALIGNED_ROWS


def chunks(size: int, *tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The first `size` rows of each of `tensors`, then the next; nothing without rows."""
    if len(tensors[0]):
        yield from zip(*(x.split(size) for x in tensors), strict=True)
