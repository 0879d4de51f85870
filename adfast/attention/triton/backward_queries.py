"""The gradient of the queries: one program per block of queries of one head, deterministic.

The same three runs over the keys as in the forward pass, whose weights are computed again from the
log-sum-exp. With `weight = exp(logit - lse)` and `delta = sum(out * d_out)`, the gradient of a
logit is `weight * (d_out . v - delta)`.

Axes: B batch, H query heads, G query heads per key head, T time, D channels per head.
"""

from __future__ import annotations

import triton
import triton.language as tl

from adfast.attention.triton.blocks import locate, lower_bound


@triton.jit(do_not_specialize=["length", "window", "heads_at_once"])
def query_gradients(
    q,  # [B, H, T, D]
    k,  # [B, H / G, T, D]
    v,
    d_out,  # [B, H, T, D]
    statistics,  # float32 [B, H, T, 2], contiguous: -lse * log2(e) and sum(out * d_out)
    document_start,  # int32 [B, T], contiguous; not read without HAS_DOCUMENTS
    dq,  # [B, H, T, D], written
    q_stride_b,
    q_stride_h,
    q_stride_t,
    k_stride_b,
    k_stride_h,
    k_stride_t,
    v_stride_b,
    v_stride_h,
    v_stride_t,
    d_out_stride_b,
    d_out_stride_h,
    d_out_stride_t,
    dq_stride_b,
    dq_stride_h,
    dq_stride_t,
    num_rows,  # B * H
    num_heads,
    group,
    length,
    window,  # at least 1; length or more for none
    heads_at_once,
    logit_scale,  # times log2(e)
    scale,
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,  # queries per program
    BLOCK_N: tl.constexpr,  # keys per step
    DOT: tl.constexpr,  # dtype of the matrix products' operands
    HAS_DOCUMENTS: tl.constexpr,
    NARROW: tl.constexpr,  # a query's lower bound may lie in its diagonal block
):
    """Write dq of BLOCK_M queries of one head."""
    num_blocks = tl.cdiv(length, BLOCK_M)
    row, rank = locate(num_rows, num_blocks, heads_at_once)
    block = num_blocks - 1 - rank
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

    from_query = first_query.to(tl.int64)
    q_block = q + batch * q_stride_b + head * q_stride_h + from_query * q_stride_t
    q_tile = tl.load(
        q_block + in_block[:, None] * q_stride_t + channel[None, :],
        mask=is_query[:, None],
        other=0.0,
    ).to(DOT)
    d_out_block = d_out + batch * d_out_stride_b + head * d_out_stride_h
    d_out_block += from_query * d_out_stride_t
    d_out_tile = tl.load(
        d_out_block + in_block[:, None] * d_out_stride_t + channel[None, :],
        mask=is_query[:, None],
        other=0.0,
    ).to(DOT)
    statistics_at = statistics + (row.to(tl.int64) * length + query) * 2
    row_shift = tl.load(statistics_at, mask=is_query, other=0.0)
    row_delta = tl.load(statistics_at + 1, mask=is_query, other=0.0)

    k_head = k + batch * k_stride_b + key_head * k_stride_h
    v_head = v + batch * v_stride_b + key_head * v_stride_h
    k_tile_offset = column[:, None] * k_stride_t + channel[None, :]
    v_tile_offset = column[:, None] * v_stride_t + channel[None, :]
    gradient = tl.zeros([BLOCK_M, D], tl.float32)

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
            d_weight = tl.dot(d_out_tile, tl.trans(v_tile), input_precision="ieee")
            weight = tl.exp2(tl.fma(logits, logit_scale, row_shift[:, None]))
            if run == 0:
                visible = column[None, :] >= (lo - key)[:, None]
                weight = tl.where(visible, weight, 0.0)
            elif run == 2:
                visible = column[None, :] <= (query - key)[:, None]
                if NARROW:
                    visible = visible & (column[None, :] >= (lo - key)[:, None])
                weight = tl.where(visible, weight, 0.0)
            d_logits = (weight * (d_weight - row_delta[:, None])).to(DOT)
            gradient = tl.dot(d_logits, k_tile, gradient, input_precision="ieee")

    dq_block = dq + batch * dq_stride_b + head * dq_stride_h + from_query * dq_stride_t
    tl.store(
        dq_block + in_block[:, None] * dq_stride_t + channel[None, :],
        (gradient * scale).to(dq.dtype.element_ty),
        mask=is_query[:, None],
    )
