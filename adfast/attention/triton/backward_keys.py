"""The gradients of keys and values: one program per block of keys of one key head.

The queries that see a block of keys are one run of the sequence, cut into three as in the forward
pass: the diagonal, an interior in which every query sees every key, and a right edge, where each
key ends at its own last query. All heads that share the keys add up in one program, in order, so
dk and dv are deterministic. With FUSED the program also adds its share of dq into float32 memory by
atomic additions: five matrix products instead of seven, in an order that differs from run to run.

Tiles are held with keys as rows, so that weights and gradients of logits are operands of the next
product as they lie in registers.

Axes: B batch, H query heads, G query heads per key head, T time, D channels per head.
"""

from __future__ import annotations

import triton
import triton.language as tl

from adfast.attention.triton.blocks import locate, upper_bound


@triton.jit(do_not_specialize=["length", "window", "heads_at_once"])
def key_value_gradients(
    q,  # [B, H, T, D]
    k,  # [B, H / G, T, D]
    v,
    d_out,  # [B, H, T, D]
    statistics,  # float32 [B, H, T, 2], contiguous: -lse * log2(e) and sum(out * d_out)
    document_end,  # int32 [B, T], contiguous; not read without HAS_DOCUMENTS
    dk,  # [B, H / G, T, D], written
    dv,
    dq_sum,  # float32 [B, H, T, D], contiguous, added to; not touched without FUSED
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
    dk_stride_b,
    dk_stride_h,
    dk_stride_t,
    dv_stride_b,
    dv_stride_h,
    dv_stride_t,
    num_rows,  # B * H / G
    num_key_heads,
    length,
    window,  # at least 1; length or more for none
    heads_at_once,
    logit_scale,  # times log2(e)
    scale,
    GROUP: tl.constexpr,  # G
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,  # queries per step
    BLOCK_N: tl.constexpr,  # keys per program
    DOT: tl.constexpr,  # dtype of the matrix products' operands
    HAS_DOCUMENTS: tl.constexpr,
    NARROW: tl.constexpr,  # a query's lower bound may lie in its diagonal block
    FUSED: tl.constexpr,
):
    """Write dk and dv of BLOCK_N keys of one key head; with FUSED also add to dq."""
    row, block = locate(num_rows, tl.cdiv(length, BLOCK_N), heads_at_once)
    batch = (row // num_key_heads).to(tl.int64)
    key_head = (row % num_key_heads).to(tl.int64)

    first_key = block * BLOCK_N
    in_block = tl.arange(0, BLOCK_N)
    key = first_key + in_block
    is_key = key < length
    column = tl.arange(0, BLOCK_M)
    channel = tl.arange(0, D)
    ends = document_end + batch * length
    hi = upper_bound(ends, key, length, window, HAS_DOCUMENTS)
    hi_first = upper_bound(ends, first_key, length, window, HAS_DOCUMENTS)
    hi_last = upper_bound(ends, first_key + BLOCK_N - 1, length, window, HAS_DOCUMENTS)

    from_key = first_key.to(tl.int64)
    k_block = k + batch * k_stride_b + key_head * k_stride_h + from_key * k_stride_t
    v_block = v + batch * v_stride_b + key_head * v_stride_h + from_key * v_stride_t
    k_tile = tl.load(
        k_block + in_block[:, None] * k_stride_t + channel[None, :],
        mask=is_key[:, None],
        other=0.0,
    ).to(DOT)
    v_tile = tl.load(
        v_block + in_block[:, None] * v_stride_t + channel[None, :],
        mask=is_key[:, None],
        other=0.0,
    ).to(DOT)
    k_gradient = tl.zeros([BLOCK_N, D], tl.float32)
    v_gradient = tl.zeros([BLOCK_N, D], tl.float32)
    q_tile_offset = column[:, None] * q_stride_t + channel[None, :]
    d_out_tile_offset = column[:, None] * d_out_stride_t + channel[None, :]
    statistics_offset = column[:, None] * 2 + tl.arange(0, 2)[None, :]
    dq_tile_offset = column[:, None] * D + channel[None, :]

    diagonal = first_key // BLOCK_M * BLOCK_M
    interior = tl.cdiv(first_key + BLOCK_N, BLOCK_M) * BLOCK_M
    right = interior + tl.maximum(hi_first + 1 - interior, 0) // BLOCK_M * BLOCK_M
    for head_in_group in range(GROUP):
        head = key_head * GROUP + head_in_group
        q_head = q + batch * q_stride_b + head * q_stride_h
        d_out_head = d_out + batch * d_out_stride_b + head * d_out_stride_h
        head_row = (batch * num_key_heads * GROUP + head) * length
        for run in tl.static_range(3):
            if run == 0:
                first_query, last_query = diagonal, tl.minimum(interior, hi_last + 1)
            elif run == 1:
                first_query, last_query = interior, right
            else:
                first_query, last_query = right, hi_last + 1
            from_query = first_query.to(tl.int64)
            q_at = q_head + from_query * q_stride_t + q_tile_offset
            d_out_at = d_out_head + from_query * d_out_stride_t + d_out_tile_offset
            statistics_at = statistics + (head_row + from_query) * 2 + statistics_offset
            for step in range(first_query, last_query, BLOCK_M):
                query = step + column
                if run == 1:
                    q_tile = tl.load(q_at).to(DOT)
                    d_out_tile = tl.load(d_out_at).to(DOT)
                    statistics_tile = tl.load(statistics_at)
                else:
                    is_query = query < length
                    q_tile = tl.load(q_at, mask=is_query[:, None], other=0.0).to(DOT)
                    d_out_tile = tl.load(d_out_at, mask=is_query[:, None], other=0.0).to(DOT)
                    statistics_tile = tl.load(statistics_at, mask=is_query[:, None], other=0.0)
                row_shift, row_delta = tl.split(statistics_tile)
                statistics_at += BLOCK_M * 2
                q_at += BLOCK_M * q_stride_t
                d_out_at += BLOCK_M * d_out_stride_t

                logits = tl.dot(k_tile, tl.trans(q_tile), input_precision="ieee")
                weight = tl.exp2(tl.fma(logits, logit_scale, row_shift[None, :]))
                if run == 0:
                    visible = column[None, :] >= (key - step)[:, None]
                    if NARROW:
                        visible = visible & (column[None, :] <= (hi - step)[:, None])
                    weight = tl.where(visible, weight, 0.0)
                elif run == 2:
                    visible = column[None, :] <= (hi - step)[:, None]
                    weight = tl.where(visible, weight, 0.0)
                v_gradient = tl.dot(weight.to(DOT), d_out_tile, v_gradient, input_precision="ieee")
                d_weight = tl.dot(v_tile, tl.trans(d_out_tile), input_precision="ieee")
                d_logits = (weight * (d_weight - row_delta[None, :])).to(DOT)
                k_gradient = tl.dot(d_logits, q_tile, k_gradient, input_precision="ieee")
                if FUSED:
                    share = tl.dot(tl.trans(d_logits), k_tile, input_precision="ieee")
                    dq_at = dq_sum + (head_row + step) * D + dq_tile_offset
                    if run == 1:
                        tl.atomic_add(dq_at, share, sem="relaxed")
                    else:
                        tl.atomic_add(dq_at, share, mask=is_query[:, None], sem="relaxed")

    dk_block = dk + batch * dk_stride_b + key_head * dk_stride_h + from_key * dk_stride_t
    tl.store(
        dk_block + in_block[:, None] * dk_stride_t + channel[None, :],
        (k_gradient * scale).to(dk.dtype.element_ty),
        mask=is_key[:, None],
    )
    dv_block = dv + batch * dv_stride_b + key_head * dv_stride_h + from_key * dv_stride_t
    tl.store(
        dv_block + in_block[:, None] * dv_stride_t + channel[None, :],
        v_gradient.to(dv.dtype.element_ty),
        mask=is_key[:, None],
    )
