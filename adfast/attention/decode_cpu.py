"""One step of attention per environment on the CPU, against a `KeyValueCache`.

The time goes into reading the cache, so the products run on it in place. Environments that are at
the same step, the common case, share one slot: it is written as a slice, slots that have never been
written are left out, and the mask is left out once every environment has filled the window. A cache
in another dtype than the queries is widened first; of bfloat16 `native_decode` takes care.

Axes: N environments, H query heads, S slots of the cache, D channels per head.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from adfast.attention.key_value_cache import KeyValueCache
from adfast.attention.not_finite import overflow


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
    cache.reserve(int(step_N.max()) + 1)
    first_step = int(step_N[0])
    if bool((step_N == first_step).all()):
        slot = first_step % cache.num_slots
        cache.keys[:, :, slot] = k_new_NHD
        cache.values[:, :, slot] = v_new_NHD
        num_slots = min(first_step + 1, cache.num_slots)
        age = (slot - torch.arange(num_slots)) % cache.num_slots
    else:
        slot_N = step_N % cache.num_slots
        environment = torch.arange(len(step_N))
        cache.keys[environment, :, slot_N] = k_new_NHD.to(cache.keys.dtype)
        cache.values[environment, :, slot_N] = v_new_NHD.to(cache.values.dtype)
        num_slots = cache.num_slots
        age = (slot_N[:, None] - torch.arange(num_slots)) % num_slots

    num_environments, num_heads, head_dim = q_NHD.shape
    num_kv_heads = k_new_NHD.shape[1]
    q = (q_NHD * scale).view(num_environments, num_kv_heads, num_heads // num_kv_heads, head_dim)
    logits = q @ cache.keys[:, :, :num_slots].to(q.dtype).transpose(-2, -1)
    values = cache.values[:, :, :num_slots].to(q.dtype)
    hidden_NS = None
    if int((step_N - start_N).min()) < num_slots - 1:
        hidden_NS = age > (step_N - start_N)[:, None]
        logits.masked_fill_(hidden_NS[:, None, None, :], -torch.inf)
    weights = logits.softmax(-1)
    attended = weights @ values
    if not math.isfinite(float(attended.sum())):
        if hidden_NS is not None:  # nothing times NaN is NaN, be it hidden or not
            attended = weights @ values.masked_fill(hidden_NS[:, None, :, None], 0.0)
        refuse_overflow(q, logits, attended, cache, hidden_NS)
    return attended.view(num_environments, num_heads, head_dim)


def refuse_overflow(
    q: Tensor, logits: Tensor, attended: Tensor, cache: KeyValueCache, hidden_NS: Tensor | None
) -> None:
    """Raise `InvalidArgument` where all that an environment sees is finite, and its result is not.

    Axes as in `decode`: `q`, `logits` and `attended` are `[N, H_kv, H / H_kv, ...]`.
    """
    seen = (cache.keys[:, :, : logits.shape[-1]], cache.values[:, :, : logits.shape[-1]])
    is_finite = q.isfinite().flatten(1).all(1)
    for held in seen:
        finite_NS = held.isfinite().all(-1).all(1)
        is_finite &= (finite_NS if hidden_NS is None else finite_NS | hidden_NS).all(1)
    overflows = is_finite & ~attended.isfinite().flatten(1).all(1)
    if overflows.any():
        raise overflow(q.dtype, "environment", overflows)
