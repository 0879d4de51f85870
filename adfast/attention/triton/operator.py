"""The attention operator as torch knows it: `torch.ops.adfast.attention`, with its gradient.

Custom operators have a definition of their shapes beside the one of their values, so that
`torch.compile` passes through them without a graph break, and autograd treats them as one step.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from adfast.attention.triton import backward, forward

ATTENTION_SCHEMA = (
    "(Tensor q, Tensor k, Tensor v, Tensor? document_start, int reach, float scale, "
    "float? logit_bound, bool deterministic) -> (Tensor, Tensor)"
)
GRADIENTS_SCHEMA = (
    "(Tensor d_out, Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, Tensor? document_start, "
    "int reach, float scale, bool deterministic) -> (Tensor, Tensor, Tensor)"
)


@torch.library.custom_op("adfast::attention", mutates_args=(), schema=ATTENTION_SCHEMA)
def attention_operator(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    logit_bound: float | None,
    deterministic: bool,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp `[B, H, T]`; see `forward.forward`."""
    q, k, v = (with_adjacent_channels(x) for x in (q, k, v))
    if document_start is not None:
        document_start = document_start.contiguous()
    with torch.cuda.device_of(q):  # kernels start on the current device
        return forward.forward(q, k, v, document_start, reach, scale, logit_bound)


@attention_operator.register_fake
def attention_shapes(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    logit_bound: float | None,
    deterministic: bool,
) -> tuple[Tensor, Tensor]:
    """What `attention_operator` returns, without values."""
    return forward.empty_outputs(q)


@torch.library.custom_op("adfast::attention_gradients", mutates_args=(), schema=GRADIENTS_SCHEMA)
def gradients_operator(
    d_out: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    deterministic: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v; see `backward.backward`."""
    d_out, q, k, v = (with_adjacent_channels(x) for x in (d_out, q, k, v))
    if document_start is not None:
        document_start = document_start.contiguous()
    gradients = backward.empty_gradients(q, k, v)
    with torch.cuda.device_of(q):
        backward.backward(
            d_out, q, k, v, out, lse, document_start, reach, scale, deterministic, gradients
        )
    return gradients


@gradients_operator.register_fake
def gradients_shapes(
    d_out: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    out: Tensor,
    lse: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    deterministic: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """What `gradients_operator` returns, without values."""
    return backward.empty_gradients(q, k, v)


def keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Save what the gradients need; the log-sum-exp itself carries none."""
    q, k, v, document_start, reach, scale, _, deterministic = inputs
    out, lse = output
    ctx.save_for_backward(q, k, v, out, lse, document_start)
    ctx.mark_non_differentiable(lse)
    ctx.constants = (reach, scale, deterministic)


def attention_backward(ctx: Any, d_out: Tensor, d_lse: Tensor | None) -> tuple[Any, ...]:
    """One gradient, or None, per input of `attention_operator`."""
    q, k, v, out, lse, document_start = ctx.saved_tensors
    gradients = gradients_operator(d_out, q, k, v, out, lse, document_start, *ctx.constants)
    return (*gradients, None, None, None, None, None)


attention_operator.register_autograd(attention_backward, setup_context=keep_for_backward)


def with_adjacent_channels(x: Tensor) -> Tensor:
    """`x`, copied unless its channels are adjacent in memory, as the kernels assume."""
    return x if x.stride(-1) == 1 else x.contiguous()
