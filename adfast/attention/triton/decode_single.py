"""One decode step of heads that have their keys to themselves: one program per head, or several.

Every lane keeps a softmax of its own over the tokens that it visits, and the lanes are merged at
the end: no lane waits for another while memory is read. With SPLIT the programs of a head each take
a share of its keys, and what they find is put together by `merge_splits`.

Axes: N environments, H query heads, S slots of the cache, P splits, D channels.
"""

from __future__ import annotations

import triton
import triton.language as tl

from adfast.attention.triton.ring import append_token, share_of_split, slot_offset


@triton.jit
def decode_single(
    q,  # [N, H, D]
    k_new,  # [N, H, D]
    v_new,
    keys,  # [N, H, S, D], the slot of `step` is written
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
    num_heads,
    num_splits,  # P
    logit_scale,  # times log2(e)
    D: tl.constexpr,
    BLOCK_N: tl.constexpr,  # slots per step
    SPLIT: tl.constexpr,  # whether P may be more than 1
):
    """One head that has its keys to itself: BLOCK_N softmaxes side by side, merged at the end."""
    program, split = tl.program_id(0), 0
    if SPLIT:
        program, split = program // num_splits, program % num_splits
    environment = (program // num_heads).to(tl.int64)
    head = program % num_heads
    channel = tl.arange(0, D)
    cache_offset = environment * cache_stride_n + head.to(tl.int64) * cache_stride_h
    new_key, new_value, slot, num_visible = append_token(
        k_new,
        v_new,
        keys,
        values,
        step,
        start,
        environment,
        head,
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
    query = tl.load(q + environment * q_stride_n + head * q_stride_h + channel).to(tl.float32)
    query *= logit_scale

    new_logit = tl.sum(query * new_key, 0)
    maximum = tl.full([BLOCK_N], 0.0, tl.float32) + new_logit  # finite in every lane
    total = tl.zeros([BLOCK_N], tl.float32)
    attended = tl.zeros([BLOCK_N, D], tl.float32)
    first_age, last_age = 1, num_visible
    if SPLIT:
        first_age, last_age = share_of_split(num_visible, split, num_splits, BLOCK_N)
    for newest in range(first_age, last_age, BLOCK_N):
        age = newest + tl.arange(0, BLOCK_N)
        is_visible = age < num_visible
        offset = cache_offset + slot_offset(slot, age, num_slots, cache_stride_s)
        at = offset[:, None] + channel[None, :]
        key = tl.load(keys + at, mask=is_visible[:, None], other=0.0).to(tl.float32)
        value = tl.load(values + at, mask=is_visible[:, None], other=0.0).to(tl.float32)
        logit = tl.where(is_visible, tl.sum(query[None, :] * key, 1), float("-inf"))
        higher = tl.maximum(maximum, logit)
        weight = tl.exp2(logit - higher)
        shrink = tl.exp2(maximum - higher)
        maximum = higher
        total = total * shrink + weight
        attended = attended * shrink[:, None] + weight[:, None] * value

    highest = tl.max(maximum, 0)  # the new token's logit is in it
    shrink = tl.exp2(maximum - highest)
    weight = tl.exp2(new_logit - highest)
    if SPLIT:
        weight = tl.where(split == 0, weight, 0.0)
    attended_sum = tl.sum(attended * shrink[:, None], 0) + weight * new_value
    total_sum = tl.sum(total * shrink, 0) + weight
    row = environment * num_heads + head
    if SPLIT:
        part = row * num_splits + split
        tl.store(out + part * D + channel, attended_sum)
        tl.store(statistics + part * 2, highest)
        tl.store(statistics + part * 2 + 1, total_sum)
    else:
        result = attended_sum / total_sum
        tl.store(out + row * D + channel, result.to(out.dtype.element_ty))
