"""The ring of a decode step: where the newest token goes and where older ones lie.

Rings are walked by age, from the newest token to the first one visible, so nothing is rolled,
environments may stand at any step, and one that was reset a moment ago reads only what it has.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def append_token(
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
):
    """Write the new key and value; return them, their slot and how many tokens are visible.

    Of the programs that share a head, that of `split` 0 writes.
    """
    now = tl.load(step + environment)
    slot = (now % num_slots).to(tl.int32)
    num_visible = tl.minimum(now - tl.load(start + environment) + 1, num_slots).to(tl.int32)
    key = tl.load(k_new + environment * k_new_stride_n + key_head * k_new_stride_h + channel)
    value = tl.load(v_new + environment * v_new_stride_n + key_head * v_new_stride_h + channel)
    here = cache_offset + slot.to(tl.int64) * cache_stride_s + channel
    if split == 0:
        tl.store(keys + here, key)
        tl.store(values + here, value)
    return key.to(tl.float32), value.to(tl.float32), slot, num_visible


@triton.jit
def share_of_split(num_visible, split, num_splits, BLOCK_N: tl.constexpr):
    """The ages from .. to - 1 of the older tokens that this split attends to, in whole blocks."""
    num_blocks = tl.cdiv(num_visible - 1, BLOCK_N)
    share = tl.cdiv(num_blocks, num_splits) * BLOCK_N
    newest = 1 + split * share
    return newest, tl.minimum(newest + share, num_visible)


@triton.jit
def slot_offset(slot, age, num_slots, cache_stride_s):
    """Offset in a ring of the token `age` steps older than the one in `slot`."""
    at = slot - age
    at = tl.where(at < 0, at + num_slots, at)
    return at.to(tl.int64) * cache_stride_s
