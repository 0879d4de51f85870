"""The attention operators as torch knows them, `torch.ops.adfast.*`, with their gradients.

Custom operators have a definition of their shapes beside the one of their values, so that
`torch.compile` passes through them without a graph break, and autograd treats them as one step.

Of a whole projection queries, keys and values lie side by side, as one matrix product makes them,
and the kernels write their gradients side by side, as the next one takes them: where nothing is
done to them between the projection and the attention, torch would copy all three together.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from adfast.attention.layouts import empty_token_major, split_heads, with_adjacent_channels
from adfast.attention.triton import backward, forward

# As `forward.forward` and `backward.backward` take them.
OPTIONS = "Tensor? document_start, int reach, float scale, float? logit_bound, bool deterministic"
ATTENTION_SCHEMA = f"(Tensor q, Tensor k, Tensor v, {OPTIONS}) -> (Tensor, Tensor)"
GRADIENTS_SCHEMA = (
    "(Tensor d_out, Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, Tensor? document_start, "
    "int reach, float scale, bool deterministic) -> (Tensor, Tensor, Tensor)"
)
PACKED_SCHEMA = f"(Tensor projected, int num_heads, {OPTIONS}) -> (Tensor, Tensor)"
PACKED_GRADIENT_SCHEMA = (
    "(Tensor d_out, Tensor projected, Tensor out, Tensor lse, Tensor? document_start, "
    "int num_heads, int reach, float scale, bool deterministic) -> Tensor"
)


@torch.library.custom_op("adfast::attention", mutates_args=(), schema=ATTENTION_SCHEMA)
def attention_operator(q: Tensor, k: Tensor, v: Tensor, *options: Any) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp `[B, H, T]`; see `forward.forward`."""
    return forward.forward(q, k, v, *options[:-1])


@attention_operator.register_fake
def attention_shapes(q: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    """What `attention_operator` returns, without values."""
    return forward.empty_outputs(q)


@torch.library.custom_op("adfast::attention_gradients", mutates_args=(), schema=GRADIENTS_SCHEMA)
def gradients_operator(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, *saved_and_options: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v, each laid out as `[B, T, H, D]`; see `backward.backward`."""
    gradients = (empty_token_major(q), empty_token_major(k), empty_token_major(v))
    backward.backward(gradients, d_out, q, k, v, *saved_and_options)
    return gradients


@gradients_operator.register_fake
def gradients_shapes(
    d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, *_: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """What `gradients_operator` returns, without values."""
    return empty_token_major(q), empty_token_major(k), empty_token_major(v)


@torch.library.custom_op("adfast::packed_attention", mutates_args=(), schema=PACKED_SCHEMA)
def packed_operator(projected: Tensor, num_heads: int, *options: Any) -> tuple[Tensor, Tensor]:
    """The same of heads `[B, T, H + 2 H_kv, D]` that lie side by side."""
    return forward.forward(*heads_of(projected, num_heads), *options[:-1])


@packed_operator.register_fake
def packed_shapes(projected: Tensor, num_heads: int, *_: Any) -> tuple[Tensor, Tensor]:
    """What `packed_operator` returns, without values."""
    return forward.empty_outputs(split_heads(projected, num_heads)[0])


@torch.library.custom_op(
    "adfast::packed_attention_gradient", mutates_args=(), schema=PACKED_GRADIENT_SCHEMA
)
def packed_gradient_operator(
    d_out: Tensor,
    projected: Tensor,
    out: Tensor,
    lse: Tensor,
    document_start: Tensor | None,
    num_heads: int,
    *options: Any,
) -> Tensor:
    """The gradient of `projected`, contiguous; see `backward.backward`."""
    gradient = projected.new_empty(projected.shape)
    q, k, v = heads_of(projected, num_heads)
    gradients = split_heads(gradient, num_heads)
    backward.backward(gradients, d_out, q, k, v, out, lse, document_start, *options)
    return gradient


@packed_gradient_operator.register_fake
def packed_gradient_shape(d_out: Tensor, projected: Tensor, *_: Any) -> Tensor:
    """What `packed_gradient_operator` returns, without values."""
    return projected.new_empty(projected.shape)


def heads_of(projected: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values as the kernels take them, copied together or not at all."""
    return split_heads(with_adjacent_channels(projected), num_heads)


def keep_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    """Save what the gradients need; the log-sum-exp itself carries none."""
    *sources, document_start, reach, scale, _, deterministic = inputs
    out, lse = output
    tensors = (x for x in sources if isinstance(x, Tensor))
    ctx.save_for_backward(*tensors, out, lse, document_start)
    ctx.mark_non_differentiable(lse)
    num_heads = (x for x in sources if not isinstance(x, Tensor))
    ctx.constants = (*num_heads, reach, scale, deterministic)


def attention_backward(ctx: Any, d_out: Tensor, d_lse: Tensor | None) -> tuple[Any, ...]:
    """One gradient, or None, per input of `attention_operator`."""
    gradients = gradients_operator(d_out, *ctx.saved_tensors, *ctx.constants)
    return (*gradients, None, None, None, None, None)


def packed_backward(ctx: Any, d_out: Tensor, d_lse: Tensor | None) -> tuple[Any, ...]:
    """One gradient, or None, per input of `packed_operator`."""
    gradient = packed_gradient_operator(d_out, *ctx.saved_tensors, *ctx.constants)
    return (gradient, None, None, None, None, None, None)


attention_operator.register_autograd(attention_backward, setup_context=keep_for_backward)
packed_operator.register_autograd(packed_backward, setup_context=keep_for_backward)
