"""Attention on the CPU: torch's flash kernel, run over the band that a window leaves.

Without a window shorter than the sequence, and without documents, one call with the kernel's causal
flag is best. Otherwise queries are taken in chunks, each against the slice of keys that any of its
queries sees, with the edges of the band as an additive mask: the work is proportional to the window
and not to the length. A chunk is as long as the window within the limits below. Shorter ones
compute fewer dead scores; but the kernel takes tiles of 32 queries below 192 and of 64 from there
on, so that 192 is fastest for windows of 256 (42 ms against 47 at 64 and 53 at 256, one layer of
2 heads of 32 over 8,192 tokens, forward and backward), and 64 for a window of 64.

It takes every dtype and width, and needs no extension. A single step is that of `decode_cpu`.

Axes: B batch, H heads, T queries, D channels per head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast.attention.arguments import Options
from adfast.attention.decode_cpu import decode
from adfast.attention.layouts import empty_token_major, with_adjacent_channels
from adfast.attention.not_finite import (
    Attended,
    attend_finite,
    differentiate_finite,
    is_finite,
)
from adfast.errors import InvalidArgument

__all__ = ["SUPPORTED", "attention", "decode", "supports"]

SUPPORTED = "any heads"
MIN_CHUNK = 64
MAX_CHUNK = 192

flash_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
flash_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether heads of this kind are taken: all are."""
    return True


def attention(
    q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor, **options: Unpack[Options]
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp `[B, H, T]`."""
    groups = q_BHTD.shape[1] // k_BHTD.shape[1]
    if groups > 1:
        k_BHTD = k_BHTD.repeat_interleave(groups, dim=1)
        v_BHTD = v_BHTD.repeat_interleave(groups, dim=1)
    seen = options["window"], options["document_start_BT"]
    out, lse = BandedAttention.apply(q_BHTD, k_BHTD, v_BHTD, *seen, options["scale"])
    return out, lse


class BandedAttention(torch.autograd.Function):
    """`attention` with as many key heads as query heads."""

    @staticmethod
    def forward(
        ctx: Any,
        q: Tensor,
        k: Tensor,
        v: Tensor,
        window: int | None,
        document_start: Tensor | None,
        scale: float,
    ) -> tuple[Tensor, Tensor]:
        """The attended values and the log-sum-exp."""
        q, k, v = (with_adjacent_channels(x) for x in (q, k, v))
        ctx.window, ctx.document_start, ctx.scale = window, document_start, scale

        def run(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
            if is_causal_only(q.shape[2], k.shape[2], window, document_start):
                out, lse = flash_forward(q, k, v, is_causal=True, scale=scale)
                return out, lse
            return banded_forward(q, k, v, window, document_start, scale)

        out, lse = run(q, k, v)
        ctx.touched = None
        if not is_finite(out, lse):
            out, lse, ctx.touched = attend_finite(run, q, k, v, window, document_start)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.mark_non_differentiable(lse)
        return out, lse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, d_lse: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of q, k and v; the log-sum-exp has none."""

        def run(d_out: Tensor, attended: Attended) -> tuple[Tensor, Tensor, Tensor]:
            d_out = with_adjacent_channels(d_out)
            num_keys = attended.k.shape[2]
            if is_causal_only(d_out.shape[2], num_keys, ctx.window, ctx.document_start):
                dq, dk, dv = flash_backward(d_out, *attended, 0.0, True, scale=ctx.scale)
                return dq, dk, dv
            return banded_backward(d_out, attended, ctx.window, ctx.document_start, ctx.scale)

        attended = Attended(*ctx.saved_tensors)  # once: recomputed blocks cannot be asked again
        require_precise(attended.lse)
        if ctx.touched is None:
            gradients = run(d_out, attended)
        else:
            gradients = differentiate_finite(run, ctx.touched, d_out, attended)
        return (*gradients, None, None, None)


def require_precise(lse: Tensor) -> None:
    """Raise `InvalidArgument` where weights made anew from `lse` would be off by more than 1%."""
    largest = 2.0**46 if lse.dtype == torch.float64 else 2.0**17
    found = float(lse.nan_to_num(0.0).abs().max())
    if found > largest:
        raise InvalidArgument(
            f"the gradient of attention by torch's kernel is exact for logits up to {largest:.0f}, "
            f"got {found:.3g}; scale q and k down, or bound them (model.qk_norm)"
        )


def is_causal_only(
    num_queries: int, num_keys: int, window: int | None, document_start: Tensor | None
) -> bool:
    """Whether each token is a query, which sees all tokens before it."""
    sees_all = document_start is None and (window is None or window >= num_keys)
    return sees_all and num_queries == num_keys


@dataclass(frozen=True)
class Chunk:
    """A run of queries and the keys that any of them sees.

    `mask` hides the others, additive `[queries, keys]` or `[B, 1, queries, keys]`; None where the
    keys are the queries' own tokens and the kernel's causal flag says it all.
    """

    queries: slice
    keys: slice
    mask: Tensor | None


def chunks(
    q: Tensor, num_keys: int, window: int | None, document_start: Tensor | None
) -> Iterator[Chunk]:
    """The chunks that cover all queries of `q`, which are of the last of `num_keys` tokens."""
    prefix = num_keys - q.shape[2]
    reach = num_keys if window is None else min(window, num_keys)
    size = min(MAX_CHUNK, max(MIN_CHUNK, reach))
    band = band_mask(size, reach, q.dtype)
    begins_whole = document_start is None and prefix == 0
    if begins_whole:
        yield Chunk(slice(0, reach), slice(0, reach), None)
    for first in range(reach if begins_whole else prefix, num_keys, size):
        last = min(first + size, num_keys)
        queries = slice(first - prefix, last - prefix)
        lowest = max(0, first - reach + 1)
        if document_start is not None:
            lowest = max(lowest, int(document_start[:, queries.start].min()))
        left = lowest - (first - reach + 1)
        mask = band[: last - first, left : left + last - lowest]
        if document_start is not None:
            key = torch.arange(lowest, last, dtype=torch.int32)
            before = key < document_start[:, queries, None]
            mask = mask.expand(len(before), -1, -1).masked_fill(before, -torch.inf)[:, None]
        yield Chunk(queries, slice(lowest, last), mask)


def band_mask(size: int, reach: int, dtype: torch.dtype) -> Tensor:
    """Additive mask of queries 0 .. size - 1 over keys `1 - reach` .. size - 1."""
    query = torch.arange(size)[:, None]
    key = torch.arange(1 - reach, size)
    hidden = (key > query) | (key <= query - reach)
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill_(hidden, -torch.inf)


def banded_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    window: int | None,
    document_start: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]`, laid out as `[B, T, H, D]`, and the log-sum-exp."""
    out = empty_token_major(q)
    parts = []
    for chunk in chunks(q, k.shape[2], window, document_start):
        out[:, :, chunk.queries], lse = flash_forward(
            q[:, :, chunk.queries],
            k[:, :, chunk.keys],
            v[:, :, chunk.keys],
            is_causal=chunk.mask is None,
            attn_mask=chunk.mask,
            scale=scale,
        )
        parts.append(lse)
    return out, torch.cat(parts, dim=2)


def banded_backward(
    d_out: Tensor,
    attended: Attended,
    window: int | None,
    document_start: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of q, k and v, each `[B, H, T, D]`, laid out as `[B, T, H, D]`."""
    q, k, v, out, lse = attended
    dq, dk, dv = (empty_token_major(x).zero_() for x in (q, k, v))
    for chunk in chunks(q, k.shape[2], window, document_start):
        dq[:, :, chunk.queries], dk_chunk, dv_chunk = flash_backward(
            d_out[:, :, chunk.queries],
            q[:, :, chunk.queries],
            k[:, :, chunk.keys],
            v[:, :, chunk.keys],
            out[:, :, chunk.queries],
            lse[:, :, chunk.queries],
            0.0,
            chunk.mask is None,
            attn_mask=chunk.mask,
            scale=scale,
        )
        dk[:, :, chunk.keys] += dk_chunk
        dv[:, :, chunk.keys] += dv_chunk
    return dq, dk, dv
