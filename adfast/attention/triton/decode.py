"""One step of attention per environment, in one launch: writes the new key and value, and attends.

The new token is attended from registers: no program reads what one writes. Where few heads have
many keys each, several programs share a head, and a second launch puts their results together.

Axes: N environments, H query heads, P splits, D channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from adfast.attention.key_value_cache import KeyValueCache
from adfast.attention.layouts import with_adjacent_channels
from adfast.attention.triton import tiles
from adfast.attention.triton.decode_group import decode_group
from adfast.attention.triton.decode_single import decode_single
from adfast.attention.triton.merge_splits import merge_splits


def decode(
    q: Tensor,
    k_new: Tensor,
    v_new: Tensor,
    cache: KeyValueCache,
    step: Tensor,
    start: Tensor,
    *,
    scale: float,
) -> Tensor:
    """The attended values `[N, H, D]`; writes the new keys and values into `cache`.

    A ring never looks at values on the host, so the step can be captured in a CUDA graph; a growing
    cache reads the highest step to make room, unless it is captured: then its room is made before.
    """
    is_captured = q.device.type == "cuda" and torch.cuda.is_current_stream_capturing()
    if cache.window is None and not is_captured:
        cache.reserve(int(step.max()) + 1)
    q, k_new, v_new = (with_adjacent_channels(x) for x in (q, k_new, v_new))
    num_environments, num_heads, head_dim = q.shape
    num_key_heads = k_new.shape[1]
    num_splits = tiles.decode_splits(cache.num_slots, num_environments * num_key_heads)
    is_split = num_splits > 1
    out = q.new_empty(num_environments, num_heads, head_dim)
    parts, statistics = out, out  # neither is written where nothing is split
    if is_split:
        shape = (num_environments, num_heads, num_splits)
        parts = q.new_empty(*shape, head_dim, dtype=torch.float32)
        statistics = q.new_empty(*shape, 2, dtype=torch.float32)
    arguments = (
        q,
        k_new,
        v_new,
        cache.keys,
        cache.values,
        step,
        start,
        parts,
        statistics,
        *q.stride()[:2],
        *k_new.stride()[:2],
        *v_new.stride()[:2],
        *cache.keys.stride()[:3],
        cache.num_slots,
        num_key_heads,
        num_splits,
        scale * math.log2(math.e),
    )
    kernel = decode_single if num_heads == num_key_heads else decode_group
    options = tiles.decode_options(head_dim, num_heads // num_key_heads, q.dtype, is_split)
    with torch.cuda.device_of(q):  # kernels start on the current device
        kernel[(num_environments * num_key_heads * num_splits,)](*arguments, **options)
        if is_split:
            merge_splits[(num_environments * num_heads,)](
                parts, statistics, out, num_splits, **tiles.merge_options(head_dim)
            )
    return out
