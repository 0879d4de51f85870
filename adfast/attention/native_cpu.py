"""Attention on the CPU in C++: float32, heads of at most 128 channels.

The kernel (`csrc/attention_kernel.hpp`) reads the tensors where they are, keeps every tile of
scores in registers and the first-level cache, and computes little beyond what a query sees. It runs
on the calling thread, without the GIL: training gives each thread rows of its own. What it does not
take goes to `banded_cpu`, its twin; `dispatch.cpu_path` says which of the two computes.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native, processor
from adfast.attention.banded_cpu import with_adjacent_channels

MAX_HEAD_DIM = 128


def is_supported(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernel takes heads of this kind."""
    return dtype == torch.float32 and head_dim <= MAX_HEAD_DIM


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    instruction_set: str | None = None,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]`, laid out as `[B, T, H, D]`, and the log-sum-exp.

    By default on the instruction set of `processor`.
    """
    out, lse = NativeAttention.apply(
        q_BHTD,
        k_BHTD,
        v_BHTD,
        q_BHTD.shape[2] if window is None else window,
        document_start_BT,
        scale,
        instruction_set or processor.instruction_set(),
    )
    return out, lse


class NativeAttention(torch.autograd.Function):
    """`attention` with its gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        window: int,
        document_start: Tensor | None,
        scale: float,
        instruction_set: str,
    ) -> tuple[Tensor, Tensor]:
        """The attended values and the log-sum-exp `[B, H, T]`."""
        q, k, v = (with_adjacent_channels(x.detach()) for x in (q, k, v))
        if document_start is not None:
            document_start = document_start.contiguous()
        out = empty_token_major(q)
        lse = q.new_empty(q.shape[:3])
        ctx.document_start = None if document_start is None else document_start.numpy()
        ctx.window, ctx.scale, ctx.instruction_set = window, scale, instruction_set
        _native.attention_forward(
            instruction_set,
            q.numpy(),
            k.numpy(),
            v.numpy(),
            ctx.document_start,
            window,
            scale,
            out.numpy(),
            lse.numpy(),
        )
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.mark_non_differentiable(lse)
        return out, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_lse: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of q, k and v; the log-sum-exp has none."""
        q, k, v, out, lse = (x.detach() for x in ctx.saved_tensors)
        dq, dk, dv = (empty_token_major(x) for x in (q, k, v))
        _native.attention_backward(
            ctx.instruction_set,
            q.numpy(),
            k.numpy(),
            v.numpy(),
            ctx.document_start,
            ctx.window,
            ctx.scale,
            out.numpy(),
            lse.numpy(),
            with_adjacent_channels(d_out).numpy(),
            dq.numpy(),
            dk.numpy(),
            dv.numpy(),
        )
        return dq, dk, dv, None, None, None, None


def empty_token_major(like: Tensor) -> Tensor:
    """An uninitialised `[B, H, T, D]` whose memory is `[B, T, H, D]`, as projections read it."""
    batch, heads, length, channels = like.shape
    return like.new_empty(batch, length, heads, channels).transpose(1, 2)
