"""Attention on the CPU in C++: float32, heads of at most 128 channels.

The kernel (`csrc/attention_kernel.hpp`) reads the tensors where they are, keeps every tile of
scores in registers and the first-level cache, and computes little beyond what a query sees. It runs
on the calling thread, without the GIL: training gives each thread rows of its own. What it does not
take goes to `banded_cpu`, its twin; `dispatch.cpu_path` says which of the two computes.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native, processor
from adfast.attention.banded_cpu import with_adjacent_channels
from adfast.attention.not_finite import attend_finite, differentiate_finite

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
        kernel = NativeKernel(instruction_set, document_start, window, scale)
        out, lse, is_finite = kernel.forward(q, k, v)
        ctx.kernel, ctx.touched = kernel, None
        if not is_finite:
            out, lse, ctx.touched = attend_finite(
                lambda *tensors: kernel.forward(*tensors)[:2], q, k, v, window, document_start
            )
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
        return None if self.document_start is None else self.document_start.numpy()

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
        return dq, dk, dv


def empty_token_major(like: Tensor) -> Tensor:
    """An uninitialised `[B, H, T, D]` whose memory is `[B, T, H, D]`, as projections read it."""
    batch, heads, length, channels = like.shape
    return like.new_empty(batch, length, heads, channels).transpose(1, 2)
