"""One decode step of heads that share their keys: one program per key head, or several.

The heads that share a key head are the rows of one tile, so the cache is read once for all of them.
With SPLIT the programs of a key head each take a share of its keys, and what they find is put
together by `merge_splits`.

Axes: N environments, H query heads, G query heads per key head, S slots of the cache, P splits, D
channels.
"""

from __future__ import annotations

import triton
import triton.language as tl

from adfast.attention.triton.ring import append_token, share_of_split, slot_offset


@triton.jit
def decode_group(
    q,  # [N, H, D]
    k_new,  # [N, H / G, D]
    v_new,
    keys,  # [N, H / G, S, D], the slot of `step` is written
    values,
    step,  # int64 [N]
    start,  # int64 [N]
    out,  # [N, H, D], contiguous, written; with SPLIT float32 [N, H, P, D], not yet divided
    statistics,  # float32 [N, H, P, 2]: maximum and sum of weights, written with SPLIT alone
    q_stride_n,
    q_stride_h,
    k_new_stride_n,
    k_new_stride_h,
    v_new_stride_n,
    v_new_stride_h,
    cache_stride_n,
    cache_stride_h,
    cache_stride_s,
    num_slots,
    num_key_heads,
    num_splits,  # P
    logit_scale,  # times log2(e)
    GROUP: tl.constexpr,  # G
    D: tl.constexpr,
    BLOCK_M: tl.constexpr,  # GROUP, padded to the rows of a matrix product
    BLOCK_N: tl.constexpr,  # slots per step
    DOT: tl.constexpr,  # dtype of the matrix products' operands
    SPLIT: tl.constexpr,  # whether P may be more than 1
):
    """All heads that share a key head, packed as the rows of one tile."""
    program, split = tl.program_id(0), 0
    if SPLIT:
        program, split = program // num_splits, program % num_splits
    environment = (program // num_key_heads).to(tl.int64)
    key_head = program % num_key_heads
    channel = tl.arange(0, D)
    cache_offset = environment * cache_stride_n + key_head.to(tl.int64) * cache_stride_h
    new_key, new_value, slot, num_visible = append_token(
        k_new,
        v_new,
        keys,
        values,
        step,
        start,
        environment,
        key_head,
        k_new_stride_n,
        k_new_stride_h,
        v_new_stride_n,
        v_new_stride_h,
        cache_offset,
        cache_stride_s,
        num_slots,
        channel,
        split,
    )
    in_group = tl.arange(0, BLOCK_M)
    is_head = in_group < GROUP
    head = key_head * GROUP + in_group
    queries = tl.load(
        q + environment * q_stride_n + head[:, None] * q_stride_h + channel[None, :],
        mask=is_head[:, None],
        other=0.0,
    )

    maximum = logit_scale * tl.sum(queries.to(tl.float32) * new_key[None, :], 1)
    total = tl.full([BLOCK_M], 1.0, tl.float32)
    attended = tl.zeros([BLOCK_M, D], tl.float32) + new_value[None, :]
    first_age, last_age = 1, num_visible
    if SPLIT:
        first_age, last_age = share_of_split(num_visible, split, num_splits, BLOCK_N)
        total = tl.where(split == 0, total, 0.0)  # the new token is in the first share
        attended = tl.where(split == 0, attended, 0.0)
    for newest in range(first_age, last_age, BLOCK_N):
        age = newest + tl.arange(0, BLOCK_N)
        is_visible = age < num_visible
        offset = cache_offset + slot_offset(slot, age, num_slots, cache_stride_s)
        at = offset[:, None] + channel[None, :]
        key = tl.load(keys + at, mask=is_visible[:, None], other=0.0).to(DOT)
        value = tl.load(values + at, mask=is_visible[:, None], other=0.0).to(DOT)
        logits = tl.dot(queries.to(DOT), tl.trans(key), input_precision="ieee")
        logits = tl.where(is_visible[None, :], logits * logit_scale, float("-inf"))
        higher = tl.maximum(maximum, tl.max(logits, 1))
        weight = tl.exp2(logits - higher[:, None])
        shrink = tl.exp2(maximum - higher)
        maximum = higher
        total = total * shrink + tl.sum(weight, 1)
        attended *= shrink[:, None]
        attended = tl.dot(weight.to(DOT), value, attended, input_precision="ieee")

    row = environment * (num_key_heads * GROUP) + head
    if SPLIT:
        row = row * num_splits + split
        tl.store(statistics + row * 2, maximum, mask=is_head)
        tl.store(statistics + row * 2 + 1, total, mask=is_head)
    else:
        attended = attended / total[:, None]
    tl.store(
        out + row[:, None] * D + channel[None, :],
        attended.to(out.dtype.element_ty),
        mask=is_head[:, None],
    )
