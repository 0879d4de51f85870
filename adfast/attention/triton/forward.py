"""The forward kernel: one program attends for one block of queries of one head.

The keys that a block of queries sees are one run of the sequence, cut into three: a left edge,
where each query begins at its own lower bound `lo[i] = max(document_start[i], i - window + 1)`; an
interior, where every query sees every key and nothing is masked; and the diagonal. `lo` never
decreases, so its values at the first and the last query of the block bound all three.

`docs/attention-kernel.md` derives the kernel; `adfast/attention/reference.py` is its definition.

Axes: B batch, H query heads, G query heads per key head, T time, D channels per head.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from adfast.attention.layouts import empty_token_major, strides_of, with_adjacent_channels
from adfast.attention.triton import tiles
from adfast.attention.triton.blocks import locate, lower_bound

LN_2 = tl.constexpr(0.6931471805599453)
HIDDEN = tl.constexpr(float("-inf"))
LOWEST = tl.constexpr(-1e20)  # the maximum before any key: finite, so that no -inf - -inf arises


@triton.jit(do_not_specialize=["length", "window", "heads_at_once"])
def attention_forward(
    q,  # [B, H, T, D]
    k,  # [B, H / G, T, D]
    v,
    document_start,  # int32 [B, T], contiguous; not read without HAS_DOCUMENTS
    out,  # [B, H, T, D], written
    lse,  # float32 [B, H, T], contiguous, written
    q_stride_b,
    q_stride_h,
    q_stride_t,
    k_stride_b,
    k_stride_h,
    k_stride_t,
    v_stride_b,
    v_stride_h,
    v_stride_t,
    out_stride_b,
    out_stride_h,
    out_stride_t,
    num_rows,  # B * H
    num_heads,
    group,
    length,
    window,  # at least 1; length or more for none
    heads_at_once,  # whose keys and values stay in the L2 cache together
    logit_scale,  # times log2(e)
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,  # queries per program
    BLOCK_N: tl.constexpr,  # keys per step
    DOT: tl.constexpr,  # dtype of the matrix products' operands
    HAS_DOCUMENTS: tl.constexpr,
    NARROW: tl.constexpr,  # a query's lower bound may lie in its diagonal block
    BOUNDED: tl.constexpr,  # logits are known to be small: no row maximum
):
    """Write the attended values and the log-sum-exp of BLOCK_M queries of one head."""
    num_blocks = tl.cdiv(length, BLOCK_M)
    row, rank = locate(num_rows, num_blocks, heads_at_once)
    block = num_blocks - 1 - rank  # the last block has the most keys
    batch = (row // num_heads).to(tl.int64)
    head = (row % num_heads).to(tl.int64)
    key_head = head // group

    first_query = block * BLOCK_M
    last_query = tl.minimum(first_query + BLOCK_M, length) - 1
    in_block = tl.arange(0, BLOCK_M)
    query = first_query + in_block
    is_query = query < length
    column = tl.arange(0, BLOCK_N)
    channel = tl.arange(0, D)
    starts = document_start + batch * length
    lo = lower_bound(starts, query, length, window, HAS_DOCUMENTS)
    lo_first = lower_bound(starts, first_query, length, window, HAS_DOCUMENTS)
    lo_last = lower_bound(starts, last_query, length, window, HAS_DOCUMENTS)

    q_block = q + batch * q_stride_b + head * q_stride_h + first_query.to(tl.int64) * q_stride_t
    q_tile = tl.load(
        q_block + in_block[:, None] * q_stride_t + channel[None, :],
        mask=is_query[:, None],
        other=0.0,
    ).to(DOT)
    k_head = k + batch * k_stride_b + key_head * k_stride_h
    v_head = v + batch * v_stride_b + key_head * v_stride_h
    k_tile_offset = column[:, None] * k_stride_t + channel[None, :]
    v_tile_offset = column[:, None] * v_stride_t + channel[None, :]

    # The sum of a row of weights is its product with ones, on the tensor cores, 8 columns alike.
    ones = tl.full([BLOCK_N, 8], 1.0, DOT)
    total = tl.zeros([BLOCK_M, 8], tl.float32)
    attended = tl.zeros([BLOCK_M, D], tl.float32)
    maximum = tl.full([BLOCK_M], LOWEST, tl.float32)

    left = lo_first // BLOCK_N * BLOCK_N
    diagonal = first_query // BLOCK_N * BLOCK_N
    interior = tl.minimum(tl.cdiv(lo_last, BLOCK_N) * BLOCK_N, diagonal)
    for run in tl.static_range(3):
        if run == 0:
            first_key, last_key = left, interior
        elif run == 1:
            first_key, last_key = interior, diagonal
        else:
            first_key, last_key = diagonal, last_query + 1
        k_at = k_head + first_key.to(tl.int64) * k_stride_t + k_tile_offset
        v_at = v_head + first_key.to(tl.int64) * v_stride_t + v_tile_offset
        for key in range(first_key, last_key, BLOCK_N):
            if run == 2:
                is_key = (key + column < length)[:, None]
                k_tile = tl.load(k_at, mask=is_key, other=0.0).to(DOT)
                v_tile = tl.load(v_at, mask=is_key, other=0.0).to(DOT)
            else:
                k_tile = tl.load(k_at).to(DOT)
                v_tile = tl.load(v_at).to(DOT)
            k_at += BLOCK_N * k_stride_t
            v_at += BLOCK_N * v_stride_t

            logits = tl.dot(q_tile, tl.trans(k_tile), input_precision="ieee")
            if run == 0:
                visible = column[None, :] >= (lo - key)[:, None]
            elif run == 2:
                visible = column[None, :] <= (query - key)[:, None]
                if NARROW:
                    visible = visible & (column[None, :] >= (lo - key)[:, None])

            if BOUNDED:
                exponent = logits * logit_scale
            else:
                if run != 1:
                    logits = tl.where(visible, logits, HIDDEN)
                higher = tl.maximum(maximum, tl.max(logits, 1) * logit_scale)
                exponent = tl.fma(logits, logit_scale, -higher[:, None])
                shrink = tl.exp2(maximum - higher)
                maximum = higher
                total *= shrink[:, None]
                attended *= shrink[:, None]
            weight = tl.exp2(exponent)
            if BOUNDED and run != 1:
                weight = tl.where(visible, weight, 0.0)
            weight = weight.to(DOT)
            total = tl.dot(weight, ones, total, input_precision="ieee")
            attended = tl.dot(weight, v_tile, attended, input_precision="ieee")

    row_total = tl.max(total, 1)
    out_block = (
        out + batch * out_stride_b + head * out_stride_h + first_query.to(tl.int64) * out_stride_t
    )
    tl.store(
        out_block + in_block[:, None] * out_stride_t + channel[None, :],
        (attended / row_total[:, None]).to(out.dtype.element_ty),
        mask=is_query[:, None],
    )
    log_total = tl.log2(row_total)
    if not BOUNDED:
        log_total += maximum
    tl.store(lse + row.to(tl.int64) * length + query, log_total * LN_2, mask=is_query)


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    document_start: Tensor | None,
    reach: int,
    scale: float,
    logit_bound: float | None,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]`, laid out as `[B, T, H, D]`, and lse float `[B, H, T]`.

    `reach` is the number of keys that a query sees at most, itself included.
    """
    q, k, v = (with_adjacent_channels(x) for x in (q, k, v))
    batch, num_heads, length, head_dim = q.shape
    out, lse = empty_outputs(q)
    options = tiles.forward_options(
        head_dim,
        q.dtype,
        reach,
        document_start is not None,
        logit_bound,
        tiles.device_capability(q.device),
    )
    grid = (triton.cdiv(length, options["BLOCK_M"]) * batch * num_heads,)
    with torch.cuda.device_of(q):  # kernels start on the current device
        attention_forward[grid](
            q,
            k,
            v,
            q if document_start is None else document_start.contiguous(),
            out,
            lse,
            *strides_of(q, k, v, out),
            batch * num_heads,
            num_heads,
            num_heads // k.shape[1],
            length,
            reach,
            tiles.heads_at_once(batch * num_heads, length, head_dim, q.dtype),
            scale * math.log2(math.e),
            **options,
        )
    return out, lse


def empty_outputs(q: Tensor) -> tuple[Tensor, Tensor]:
    """What `forward` returns for queries `q [B, H, T, D]`, without values."""
    return empty_token_major(q), q.new_empty(q.shape[:3], dtype=torch.float32)
