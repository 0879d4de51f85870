"""The definition of adfast's attention, whole and by single steps, in as few lines as it takes.

Every backend is tested against this one in float64. It is differentiable, takes any floating dtype
and any device, and materialises all scores: use it to check, not to train.

Axes: B batch, N environments, H query heads, T queries, S keys, also slots of a cache, D channels
per head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.attention.key_value_cache import KeyValueCache
from adfast.attention.not_finite import attend_finite, is_finite

SUPPORTED = "any heads"


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether heads of this kind are taken: all are."""
    return True


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    logit_bound: float | None = None,
    deterministic: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp of each query's logits `[B, H, T]`.

    Queries are of the last T of S tokens, of which there are keys and values `[B, H_kv, S, D]`. On
    the processor a NaN reaches those who see it alone, see `not_finite`.
    """

    def run(q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor) -> tuple[Tensor, Tensor]:
        return attend(q_BHTD, k_BHTD, v_BHTD, window, document_start_BT, scale)

    out, lse = run(q_BHTD, k_BHTD, v_BHTD)
    can_examine = out.device.type == "cpu" and not torch.compiler.is_compiling()
    if can_examine and not is_finite(out, lse):
        return attend_finite(run, q_BHTD, k_BHTD, v_BHTD, window, document_start_BT)[:2]
    return out, lse


def attend(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """`attention` of finite tensors."""
    groups = q_BHTD.shape[1] // k_BHTD.shape[1]
    k_BHTD = k_BHTD.repeat_interleave(groups, dim=1)
    v_BHTD = v_BHTD.repeat_interleave(groups, dim=1)
    visible = visible_keys(
        q_BHTD.shape[2], window, document_start_BT, q_BHTD.device, num_keys=k_BHTD.shape[2]
    )
    logits = (q_BHTD @ k_BHTD.transpose(-2, -1) * scale).masked_fill(~visible, -torch.inf)
    return logits.softmax(-1) @ v_BHTD, logits.logsumexp(-1)


def visible_keys(
    length: int,
    window: int | None,
    document_start_BT: Tensor | None,
    device: torch.device,
    *,
    num_keys: int | None = None,
) -> Tensor:
    """bool `[1 or B, 1, T, S]`: whether the query (row) sees the key (column).

    The queries are of the last `length` of `num_keys` tokens, of all by default.
    """
    key = torch.arange(length if num_keys is None else num_keys, device=device)[None, :]
    query = key[:, key.shape[1] - length :].T
    visible = (key <= query)[None, None]
    if window is not None:
        visible = visible & (key > query - window)
    if document_start_BT is not None:
        visible = visible & (key >= document_start_BT[:, None, :, None])
    return visible


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
    environment = torch.arange(len(step_N), device=step_N.device)
    slot_N = step_N % cache.num_slots
    cache.keys[environment, :, slot_N] = k_new_NHD.to(cache.keys.dtype)
    cache.values[environment, :, slot_N] = v_new_NHD.to(cache.values.dtype)
    slots = torch.arange(cache.num_slots, device=step_N.device)
    age_NS = (slot_N[:, None] - slots) % cache.num_slots
    visible_NS = age_NS <= (step_N - start_N)[:, None]
    groups = q_NHD.shape[1] // k_new_NHD.shape[1]
    k_NHSD, v_NHSD = (
        held.to(q_NHD.dtype)
        .masked_fill(~visible_NS[:, None, :, None], 0.0)
        .repeat_interleave(groups, dim=1)
        for held in (cache.keys, cache.values)
    )
    logits_NHS = (k_NHSD @ q_NHD[..., None])[..., 0] * scale
    weights_NHS = logits_NHS.masked_fill(~visible_NS[:, None], -torch.inf).softmax(-1)
    return (weights_NHS[..., None, :] @ v_NHSD)[..., 0, :]
