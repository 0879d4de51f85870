"""Attention on the CPU in C++: float32, heads of at most 128 channels.

The kernel (`csrc/attention_kernel.hpp`) reads the tensors where they are, keeps every tile of
scores in registers and the first-level cache, and computes little beyond what a query sees. It runs
on the calling thread, without the GIL: training gives each thread rows of its own. Its twin is
`banded_cpu`, which takes every other dtype and width. A single step is that of `native_decode`.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.attention.arguments import Options
from adfast.attention.layouts import empty_token_major, split_heads, with_adjacent_channels
from adfast.attention.native_decode import MAX_HEAD_DIM, decode
from adfast.attention.not_finite import Attended, attend_finite, differentiate_finite
from adfast.machine import processor

__all__ = ["SUPPORTED", "attention", "decode", "packed_attention", "supports", "variant"]

Array = np.ndarray
Arguments = tuple[str, Array, Array, Array, Array | None, int, float]

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
    instruction_set: str | None = None,
    **options: Unpack[Options],
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]`, laid out as `[B, T, H, D]`, and the log-sum-exp.

    By default on the instruction set of `processor`.
    """
    kernel = NativeKernel.of(k_BHTD.shape[2], options, instruction_set)
    out, lse = NativeAttention.apply(q_BHTD, k_BHTD, v_BHTD, kernel)
    return out, lse


def packed_attention(projected_BTHD: Tensor, num_heads: int, **options: Unpack[Options]) -> Tensor:
    """The attended values `[B, H, T, D]` of the heads `[B, T, H + 2 H_kv, D]` of all three."""
    kernel = NativeKernel.of(projected_BTHD.shape[1], options)
    out: Tensor = NativePackedAttention.apply(projected_BTHD, num_heads, kernel)
    return out


class NativeAttention(torch.autograd.Function):
    """`attention` with its gradient."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, v: Tensor, kernel: NativeKernel
    ) -> tuple[Tensor, Tensor]:
        """The attended values and the log-sum-exp `[B, H, T]`."""
        q, k, v = (with_adjacent_channels(x.detach()) for x in (q, k, v))
        ctx.kernel = kernel
        out, lse, ctx.touched = kernel.attend(q, k, v)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.mark_non_differentiable(lse)
        return out, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_lse: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of q, k and v; the log-sum-exp has none."""
        attended = Attended(*(x.detach() for x in ctx.saved_tensors))
        if ctx.touched is None:
            gradients = ctx.kernel.backward(d_out, attended)
        else:
            gradients = differentiate_finite(ctx.kernel.backward, ctx.touched, d_out, attended)
        return (*gradients, None)


class NativePackedAttention(torch.autograd.Function):
    """`packed_attention` with its gradient, which is written where the projection reads it."""

    @staticmethod
    def forward(ctx: Any, projected: Tensor, num_heads: int, kernel: NativeKernel) -> Tensor:
        """The attended values `[B, H, T, D]`."""
        projected = with_adjacent_channels(projected.detach())
        out, lse, touched = kernel.attend(*split_heads(projected, num_heads))
        ctx.kernel, ctx.touched, ctx.num_heads = kernel, touched, num_heads
        ctx.save_for_backward(projected, out, lse)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor | None, ...]:
        """The gradient of the projection."""
        projected, out, lse = (x.detach() for x in ctx.saved_tensors)
        attended = Attended(*split_heads(projected, ctx.num_heads), out, lse)
        d_projected = torch.empty_like(projected, memory_format=torch.contiguous_format)
        parts = split_heads(d_projected, ctx.num_heads)
        if ctx.touched is None:
            ctx.kernel.write_gradients(d_out, attended, *parts)
        else:
            gradients = differentiate_finite(ctx.kernel.backward, ctx.touched, d_out, attended)
            for part, gradient in zip(parts, gradients, strict=True):
                part.copy_(gradient)
        return d_projected, None, None


@dataclass(frozen=True)
class NativeKernel:
    """The kernel of one instruction set, for all that is no tensor of floats."""

    instruction_set: str
    document_start: Tensor | None
    window: int
    scale: float

    @classmethod
    def of(cls, num_keys: int, options: Options, instruction_set: str | None = None) -> Self:
        """The kernel for so many keys, by default of the processor's set."""
        window = options["window"]
        return cls(
            instruction_set or processor.instruction_set(),
            options["document_start_BT"],
            num_keys if window is None else window,
            options["scale"],
        )

    def arguments(self, q: Tensor, k: Tensor, v: Tensor) -> Arguments:
        """What the kernel takes first, forward and backward."""
        starts = self.document_start
        documents = None if starts is None else starts.contiguous().numpy()
        heads = q.numpy(), k.numpy(), v.numpy()
        return (self.instruction_set, *heads, documents, self.window, self.scale)

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
        is_finite = _native.attention_forward(*self.arguments(q, k, v), out.numpy(), lse.numpy())
        return out, lse, is_finite

    def backward(self, d_out: Tensor, attended: Attended) -> tuple[Tensor, Tensor, Tensor]:
        """The gradients of q, k and v."""
        q, k, v, _, _ = attended
        dq, dk, dv = empty_token_major(q), empty_token_major(k), empty_token_major(v)
        self.write_gradients(d_out, attended, dq, dk, dv)
        return dq, dk, dv

    def write_gradients(self, d_out: Tensor, attended: Attended, *gradients: Tensor) -> None:
        """Write those of q, k and v to `gradients`."""
        q, k, v, *results = attended
        tensors = (*results, with_adjacent_channels(d_out), *gradients)
        _native.attention_backward(*self.arguments(q, k, v), *(x.numpy() for x in tensors))
