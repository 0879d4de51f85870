"""The definition of adfast's attention, in as few lines as it takes.

Every backend is tested against this one in float64. It is differentiable, takes any floating dtype
and any device, and materialises all scores: use it to check, not to train.

Axes: B batch, H query heads, T time, D channels per head.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.attention.not_finite import attend_finite, is_finite


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp of each query's logits `[B, H, T]`.

    On the processor a NaN reaches those who see it alone, see `not_finite`.
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
    visible = visible_keys(q_BHTD.shape[2], window, document_start_BT, q_BHTD.device)
    logits = (q_BHTD @ k_BHTD.transpose(-2, -1) * scale).masked_fill(~visible, -torch.inf)
    return logits.softmax(-1) @ v_BHTD, logits.logsumexp(-1)


def visible_keys(
    length: int, window: int | None, document_start_BT: Tensor | None, device: torch.device
) -> Tensor:
    """bool `[1 or B, 1, T, T]`: whether the query (row) sees the key (column)."""
    time = torch.arange(length, device=device)
    query, key = time[:, None], time[None, :]
    visible = (key <= query)[None, None]
    if window is not None:
        visible = visible & (key > query - window)
    if document_start_BT is not None:
        visible = visible & (key >= document_start_BT[:, None, :, None])
    return visible
