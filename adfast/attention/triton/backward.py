"""The backward pass: prepares its row statistics and launches the kernels of the gradients.

Deterministic: one kernel for dq, one for dk and dv, seven matrix products in all. Fused: one kernel
with five, dq by atomic additions in float32, worth it where blocks of keys see many queries.

Axes: B batch, H query heads, T time, D channels per head.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from adfast.attention.layouts import strides_of, with_adjacent_channels
from adfast.attention.triton import tiles
from adfast.attention.triton.backward_keys import key_value_gradients
from adfast.attention.triton.backward_queries import query_gradients

MINUS_LOG2_E = tl.constexpr(-1.4426950408889634)
ROWS_PER_PROGRAM = 64

Inputs = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]  # q, k, v, d_out and `statistics_of`


@triton.jit(do_not_specialize=["length"])
def row_statistics(
    out,  # [B, H, T, D]
    d_out,  # [B, H, T, D]
    lse,  # float32 [B, H, T], contiguous
    statistics,  # float32 [B, H, T, 2], contiguous, written
    out_stride_b,
    out_stride_h,
    out_stride_t,
    d_out_stride_b,
    d_out_stride_h,
    d_out_stride_t,
    num_heads,
    length,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,
):
    """Write, for BLOCK_M queries, `-lse * log2(e)` beside `sum(out * d_out)`."""
    num_blocks = tl.cdiv(length, BLOCK_M)
    row = tl.program_id(0) // num_blocks
    first_query = (tl.program_id(0) % num_blocks) * BLOCK_M
    batch = (row // num_heads).to(tl.int64)
    head = (row % num_heads).to(tl.int64)
    in_block = tl.arange(0, BLOCK_M)
    is_query = first_query + in_block < length
    channel = tl.arange(0, D)
    from_query = first_query.to(tl.int64)

    out_block = out + batch * out_stride_b + head * out_stride_h + from_query * out_stride_t
    d_out_block = d_out + batch * d_out_stride_b + head * d_out_stride_h
    d_out_block += from_query * d_out_stride_t
    out_tile = tl.load(
        out_block + in_block[:, None] * out_stride_t + channel[None, :],
        mask=is_query[:, None],
        other=0.0,
    )
    d_out_tile = tl.load(
        d_out_block + in_block[:, None] * d_out_stride_t + channel[None, :],
        mask=is_query[:, None],
        other=0.0,
    )
    product = out_tile.to(tl.float32) * d_out_tile.to(tl.float32)
    index = row.to(tl.int64) * length + first_query + in_block
    row_lse = tl.load(lse + index, mask=is_query, other=0.0)
    tl.store(statistics + index * 2, row_lse * MINUS_LOG2_E, mask=is_query)
    tl.store(statistics + index * 2 + 1, tl.sum(product, 1), mask=is_query)


def backward(
    gradients: tuple[Tensor, Tensor, Tensor],
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
) -> None:
    """Write the gradients of q, k and v into `gradients`, which are shaped like them.

    `reach` is the number of keys that a query sees at most, itself included.
    """
    dq, dk, dv = gradients
    d_out, q, k, v = (with_adjacent_channels(x) for x in (d_out, q, k, v))
    document_start = None if document_start is None else document_start.contiguous()
    with torch.cuda.device_of(q):  # kernels start on the current device
        inputs = (q, k, v, d_out, statistics_of(out, d_out, lse))
        if deterministic or not tiles.prefers_fused(q.shape[3], q.dtype, reach):
            launch_keys(inputs, document_start, dk, dv, None, reach, scale)
            launch_queries(inputs, document_start, dq, reach, scale)
        else:
            dq_sum = q.new_zeros(q.shape, dtype=torch.float32)
            launch_keys(inputs, document_start, dk, dv, dq_sum, reach, scale)
            dq.copy_(dq_sum.mul_(scale))


def statistics_of(out: Tensor, d_out: Tensor, lse: Tensor) -> Tensor:
    """float32 `[B, H, T, 2]` of each query, as `row_statistics` writes it."""
    batch, num_heads, length, head_dim = out.shape
    statistics = lse.new_empty(*lse.shape, 2)
    row_statistics[(triton.cdiv(length, ROWS_PER_PROGRAM) * batch * num_heads,)](
        out,
        d_out,
        lse,
        statistics,
        *strides_of(out, d_out),
        num_heads,
        length,
        D=head_dim,
        BLOCK_M=ROWS_PER_PROGRAM,
        enable_fp_fusion=True,
    )
    return statistics


def launch_keys(
    inputs: Inputs,
    document_start: Tensor | None,
    dk: Tensor,
    dv: Tensor,
    dq_sum: Tensor | None,
    reach: int,
    scale: float,
) -> None:
    """Write dk and dv, and where there is a `dq_sum`, add to it dq before the scale."""
    q, k, v, d_out, statistics = inputs
    batch, num_key_heads, length, head_dim = k.shape
    options = tiles.key_gradient_options(
        head_dim,
        q.shape[1] // num_key_heads,
        q.dtype,
        reach,
        document_start is not None,
        dq_sum is not None,
        tiles.device_capability(q.device),
    )
    key_value_gradients[(triton.cdiv(length, options["BLOCK_N"]) * batch * num_key_heads,)](
        *inputs,
        q if document_start is None else last_token_of_document(document_start),
        dk,
        dv,
        statistics if dq_sum is None else dq_sum,  # not read where nothing is fused
        *strides_of(q, k, v, d_out, dk, dv),
        batch * num_key_heads,
        num_key_heads,
        length,
        reach,
        tiles.heads_at_once(batch * num_key_heads, length, head_dim, q.dtype),
        scale * math.log2(math.e),
        scale,
        **options,
    )


def launch_queries(
    inputs: Inputs, document_start: Tensor | None, dq: Tensor, reach: int, scale: float
) -> None:
    """Write dq."""
    q, k, v, d_out, _ = inputs
    batch, num_heads, length, head_dim = q.shape
    has_documents = document_start is not None
    options = tiles.query_gradient_options(
        head_dim, q.dtype, reach, has_documents, tiles.device_capability(q.device)
    )
    query_gradients[(triton.cdiv(length, options["BLOCK_M"]) * batch * num_heads,)](
        *inputs,
        q if document_start is None else document_start,
        dq,
        *strides_of(q, k, v, d_out, dq),
        batch * num_heads,
        num_heads,
        num_heads // k.shape[1],
        length,
        reach,
        tiles.heads_at_once(batch * num_heads, length, head_dim, q.dtype),
        scale * math.log2(math.e),
        scale,
        **options,
    )


def last_token_of_document(document_start: Tensor) -> Tensor:
    """int32 `[B, T]`: the last token whose document starts at `t` or before."""
    batch, length = document_start.shape
    time = torch.arange(length, dtype=torch.int32, device=document_start.device)
    following = torch.searchsorted(
        document_start, time.expand(batch, -1).contiguous(), right=True, out_int32=True
    )
    return following - 1
