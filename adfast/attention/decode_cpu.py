"""One step of attention per environment on the CPU, against a `KeyValueCache`.

Axes: N environments, H query heads, S slots of the cache, D channels per head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.attention.key_value_cache import KeyValueCache


def decode(
    q_NHD: Tensor,
    k_new_NHD: Tensor,
    v_new_NHD: Tensor,
    cache: KeyValueCache,
    step_N: Tensor,
    start_N: Tensor,
    *,
    scale: float,
) -> Tensor:
    """The attended values `[N, H, D]`; writes the new keys and values into `cache`."""
    num_environments, num_heads, head_dim = q_NHD.shape
    num_kv_heads = k_new_NHD.shape[1]
    cache.reserve(int(step_N.max()) + 1)
    slot_N = step_N % cache.num_slots
    environments = torch.arange(num_environments)
    cache.keys[environments, :, slot_N] = k_new_NHD
    cache.values[environments, :, slot_N] = v_new_NHD

    age_NS = (slot_N[:, None] - torch.arange(cache.num_slots)) % cache.num_slots
    visible_NS = age_NS <= (step_N - start_N)[:, None]
    q = q_NHD.view(num_environments, num_kv_heads, num_heads // num_kv_heads, head_dim)
    logits = (q @ cache.keys.transpose(-2, -1) * scale).masked_fill(
        ~visible_NS[:, None, None, :], -torch.inf
    )
    return (logits.softmax(-1) @ cache.values).reshape(num_environments, num_heads, head_dim)
