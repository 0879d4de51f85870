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
):
    """Write the new key and value; return them, their slot and how many tokens are visible."""
    now = tl.load(step + environment)
    slot = (now % num_slots).to(tl.int32)
    num_visible = tl.minimum(now - tl.load(start + environment) + 1, num_slots).to(tl.int32)
    key = tl.load(k_new + environment * k_new_stride_n + key_head * k_new_stride_h + channel)
    value = tl.load(v_new + environment * v_new_stride_n + key_head * v_new_stride_h + channel)
    here = cache_offset + slot.to(tl.int64) * cache_stride_s + channel
    tl.store(keys + here, key)
    tl.store(values + here, value)
    return key.to(tl.float32), value.to(tl.float32), slot, num_visible


@triton.jit
def slot_offset(slot, age, num_slots, cache_stride_s):
    """Offset in a ring of the token `age` steps older than the one in `slot`."""
    at = slot - age
    at = tl.where(at < 0, at + num_slots, at)
    return at.to(tl.int64) * cache_stride_s
