"""Attention of a whole projection: `torch.ops.adfast.packed_attention`, with its gradient.

Queries, keys and values lie side by side, as one matrix product makes them, and the kernels write
their gradients side by side, as the next one takes them: where nothing is done to them between the
projection and the attention, torch would copy all three together.

Axes: B batch, T time, C all heads: H of queries, then H_kv of keys, then H_kv of values; D channels
per head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from adfast.attention.triton import backward, forward
from adfast.attention.triton.operator import with_adjacent_channels

PACKED_SCHEMA = (
    "(Tensor projected, int num_heads, Tensor? document_start, int reach, float scale, "
    "float? logit_bound, bool deterministic) -> (Tensor, Tensor)"
)
PACKED_GRADIENT_SCHEMA = (
    "(Tensor d_out, Tensor projected, int num_heads, Tensor out, Tensor lse, "
    "Tensor? document_start, int reach, float scale, bool deterministic) -> Tensor"
)


def unpacked(projected: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """`q [B, H, T, D]` and `k, v [B, H_kv, T, D]` as views of `projected [B, T, C, D]`."""
    num_kv_heads = (projected.shape[2] - num_heads) // 2
    q, k, v = projected.split((num_heads, num_kv_heads, num_kv_heads), dim=2)
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


@torch.library.custom_op("adfast::packed_attention", mutates_args=(), schema=PACKED_SCHEMA)
def packed_operator(
    projected: Tensor,
    num_heads: int,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    logit_bound: float | None,
    deterministic: bool,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp `[B, H, T]`; see `forward.forward`."""
    q, k, v = unpacked(with_adjacent_channels(projected), num_heads)
    if document_start is not None:
        document_start = document_start.contiguous()
    with torch.cuda.device_of(q):  # kernels start on the current device
        return forward.forward(q, k, v, document_start, reach, scale, logit_bound)


@packed_operator.register_fake
def packed_shapes(
    projected: Tensor,
    num_heads: int,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    logit_bound: float | None,
    deterministic: bool,
) -> tuple[Tensor, Tensor]:
    """What `packed_operator` returns, without values."""
    return forward.empty_outputs(unpacked(projected, num_heads)[0])


@torch.library.custom_op(
    "adfast::packed_attention_gradient", mutates_args=(), schema=PACKED_GRADIENT_SCHEMA
)
def packed_gradient_operator(
    d_out: Tensor,
    projected: Tensor,
    num_heads: int,
    out: Tensor,
    lse: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    deterministic: bool,
) -> Tensor:
    """The gradient `[B, T, C, D]` of `projected`, contiguous; see `backward.backward`."""
    q, k, v = unpacked(with_adjacent_channels(projected), num_heads)
    d_out = with_adjacent_channels(d_out)
    if document_start is not None:
        document_start = document_start.contiguous()
    gradient = projected.new_empty(projected.shape)
    gradients = unpacked(gradient, num_heads)
    with torch.cuda.device_of(q):
        backward.backward(
            d_out, q, k, v, out, lse, document_start, reach, scale, deterministic, gradients
        )
    return gradient


@packed_gradient_operator.register_fake
def packed_gradient_shape(
    d_out: Tensor,
    projected: Tensor,
    num_heads: int,
    out: Tensor,
    lse: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    deterministic: bool,
) -> Tensor:
    """What `packed_gradient_operator` returns, without values."""
    return projected.new_empty(projected.shape)


def keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Save what the gradient needs; the log-sum-exp itself carries none."""
    projected, num_heads, document_start, reach, scale, _, deterministic = inputs
    out, lse = output
    ctx.save_for_backward(projected, out, lse, document_start)
    ctx.mark_non_differentiable(lse)
    ctx.num_heads = num_heads
    ctx.constants = (reach, scale, deterministic)


def packed_backward(ctx: Any, d_out: Tensor, d_lse: Tensor | None) -> tuple[Any, ...]:
    """One gradient, or None, per input of `packed_operator`."""
    projected, out, lse, document_start = ctx.saved_tensors
    gradient = packed_gradient_operator(
        d_out, projected, ctx.num_heads, out, lse, document_start, *ctx.constants
    )
    return (gradient, None, None, None, None, None, None)


packed_operator.register_autograd(packed_backward, setup_context=keep_for_backward)
