"""Attention on the CPU in C++: float32, heads of at most 128 channels.

The kernel (`csrc/attention_kernel.hpp`) reads the tensors where they are, keeps every tile of
scores in registers and the first-level cache, and computes little beyond what a query sees. It runs
on the calling thread, without the GIL: training gives each thread rows of its own. Its twin is
`banded_cpu`, which takes every other dtype and width. A single step is that of `native_decode`.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.attention.banded_cpu import with_adjacent_channels
from adfast.attention.native_decode import MAX_HEAD_DIM, decode
from adfast.attention.not_finite import attend_finite, differentiate_finite
from adfast.machine import processor

__all__ = ["SUPPORTED", "attention", "decode", "packed_attention", "supports", "variant"]

SUPPORTED = f"heads of at most {MAX_HEAD_DIM} channels in float32"


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernel takes heads of this kind."""
    return dtype == torch.float32 and head_dim <= MAX_HEAD_DIM


def variant() -> str:
    """The kernel that runs: "native-" and the instruction set of `processor`."""
    return f"native-{processor.instruction_set()}"


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    logit_bound: float | None = None,
    deterministic: bool | None = None,
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


def packed_attention(
    projected_BTHD: Tensor,
    num_heads: int,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    logit_bound: float | None = None,
    deterministic: bool | None = None,
) -> Tensor:
    """The attended values `[B, H, T, D]` of the heads `[B, T, H + 2 H_kv, D]` of all three."""
    out: Tensor = NativePackedAttention.apply(
        projected_BTHD,
        num_heads,
        projected_BTHD.shape[1] if window is None else window,
        document_start_BT,
        scale,
        processor.instruction_set(),
    )
    return out


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
        ctx.kernel = NativeKernel(instruction_set, document_start, window, scale)
        out, lse, ctx.touched = ctx.kernel.attend(q, k, v)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.mark_non_differentiable(lse)
        return out, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_lse: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of q, k and v; the log-sum-exp has none."""
        tensors = (d_out, *(x.detach() for x in ctx.saved_tensors))
        if ctx.touched is None:
            gradients = ctx.kernel.backward(*tensors)
        else:
            gradients = differentiate_finite(ctx.kernel.backward, ctx.touched, *tensors)
        return (*gradients, None, None, None, None)


class NativePackedAttention(torch.autograd.Function):
    """`packed_attention` with its gradient, which is written where the projection reads it."""

    @staticmethod
    def forward(
        ctx: Any,
        projected: Tensor,
        num_heads: int,
        window: int,
        document_start: Tensor | None,
        scale: float,
        instruction_set: str,
    ) -> Tensor:
        """The attended values `[B, H, T, D]`."""
        projected = with_adjacent_channels(projected.detach())
        kernel = NativeKernel(instruction_set, document_start, window, scale)
        out, lse, touched = kernel.attend(*unpacked(projected, num_heads))
        ctx.kernel, ctx.touched, ctx.num_heads = kernel, touched, num_heads
        ctx.save_for_backward(projected, out, lse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the projection."""
        projected, out, lse = (x.detach() for x in ctx.saved_tensors)
        tensors = (d_out, *unpacked(projected, ctx.num_heads), out, lse)
        d_projected = torch.empty_like(projected, memory_format=torch.contiguous_format)
        parts = unpacked(d_projected, ctx.num_heads)
        if ctx.touched is None:
            ctx.kernel.write_gradients(*tensors, *parts)
        else:
            gradients = differentiate_finite(ctx.kernel.backward, ctx.touched, *tensors)
            for part, gradient in zip(parts, gradients, strict=True):
                part.copy_(gradient)
        return d_projected, None, None, None, None, None


@dataclass(frozen=True)
class NativeKernel:
    """The kernel of one instruction set, for all that is no tensor of floats."""

    instruction_set: str
    document_start: Tensor | None
    window: int
    scale: float

    @property
    def documents(self) -> np.ndarray | None:
        """The starts of documents as the kernel takes them."""
        return None if self.document_start is None else self.document_start.contiguous().numpy()

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Any]:
        """The attended values, the log-sum-exp, and what was touched by what is not finite."""
        out, lse, is_finite = self.forward(q, k, v)
        if is_finite:
            return out, lse, None
        return attend_finite(
            lambda *tensors: self.forward(*tensors)[:2], q, k, v, self.window, self.document_start
        )

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor, bool]:
        """The attended values, the log-sum-exp, and whether all of it is finite."""
        out, lse = empty_token_major(q), q.new_empty(q.shape[:3])
        is_finite = _native.attention_forward(
            self.instruction_set,
            q.numpy(),
            k.numpy(),
            v.numpy(),
            self.documents,
            self.window,
            self.scale,
            out.numpy(),
            lse.numpy(),
        )
        return out, lse, is_finite

    def backward(
        self, d_out: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, lse: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of q, k and v."""
        dq, dk, dv = (empty_token_major(x) for x in (q, k, v))
        self.write_gradients(d_out, q, k, v, out, lse, dq, dk, dv)
        return dq, dk, dv

    def write_gradients(
        self,
        d_out: Tensor,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        out: Tensor,
        lse: Tensor,
        dq: Tensor,
        dk: Tensor,
        dv: Tensor,
    ) -> None:
        """Write the gradients of q, k and v to `dq`, `dk` and `dv`."""
        _native.attention_backward(
            self.instruction_set,
            q.numpy(),
            k.numpy(),
            v.numpy(),
            self.documents,
            self.window,
            self.scale,
            out.numpy(),
            lse.numpy(),
            with_adjacent_channels(d_out).numpy(),
            dq.numpy(),
            dk.numpy(),
            dv.numpy(),
        )


def unpacked(heads_BTHD: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """The heads `[B, H, T, D]` of queries, of keys and of values in those of all three."""
    num_kv_heads = (heads_BTHD.shape[2] - num_heads) // 2
    q, k, v = heads_BTHD.split((num_heads, num_kv_heads, num_kv_heads), dim=2)
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


def empty_token_major(like: Tensor) -> Tensor:
    """An uninitialised `[B, H, T, D]` whose memory is `[B, T, H, D]`, as projections read it."""
    batch, heads, length, channels = like.shape
    return like.new_empty(batch, length, heads, channels).transpose(1, 2)
