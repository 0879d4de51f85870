"""Decoding on the CPU in C++: keys and values in bfloat16, arithmetic in float32.

The time goes into reading the cache. The kernel (`csrc/attention_decode.hpp`) reads what an
environment sees, once and in the order of memory, so half the bytes are half the time; an
environment's result depends on nothing beside it. It runs on the calling thread, without the GIL.
Its twin is `decode_cpu`, which serves every other cache.

Axes: N environments, H query heads, D channels per head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast import _native
from adfast.attention import decode_cpu
from adfast.attention.key_value_cache import KeyValueCache
from adfast.attention.layouts import with_adjacent_channels
from adfast.machine import processor

MAX_HEAD_DIM = 128  # of the kernels of `csrc`


def is_supported(q: Tensor, cache: KeyValueCache) -> bool:
    """Whether the kernel decodes `q` against `cache`."""
    dtypes = (q.dtype, cache.keys.dtype)
    return dtypes == (torch.float32, torch.bfloat16) and q.shape[-1] <= MAX_HEAD_DIM


def decode(
    q_NHD: Tensor,
    k_new_NHD: Tensor,
    v_new_NHD: Tensor,
    cache: KeyValueCache,
    step_N: Tensor,
    start_N: Tensor,
    *,
    scale: float,
    instruction_set: str | None = None,
) -> Tensor:
    """The attended values `[N, H, D]`; writes the new keys and values into `cache`, rounded."""
    if not is_supported(q_NHD, cache):
        return decode_cpu.decode(q_NHD, k_new_NHD, v_new_NHD, cache, step_N, start_N, scale=scale)
    cache.reserve(int(step_N.max()) + 1)
    out = torch.empty(q_NHD.shape)
    _native.attention_decode(
        instruction_set or processor.instruction_set(),
        with_adjacent_channels(q_NHD).numpy(),
        with_adjacent_channels(k_new_NHD).numpy(),
        with_adjacent_channels(v_new_NHD).numpy(),
        cache.keys.view(torch.int16).numpy(),
        cache.values.view(torch.int16).numpy(),
        step_N.contiguous().numpy(),
        start_N.contiguous().numpy(),
        scale,
        out.numpy(),
    )
    return out
