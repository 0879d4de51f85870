"""Attention some of whose weights are dropped in training: plain matrices, all scores at once.

No backend drops weights; a published model that does is trained by this, at the cost of memory for
all scores. Without dropping it is the definition (`reference.py`).

Axes: B batch, H query heads, T queries, S keys, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from adfast.attention.reference import visible_keys


def attention_dropping(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start: Tensor | None,
    scale: float,
    drop: Callable[[Tensor], Tensor],
) -> Tensor:
    """The attended values `[B, H, T, D]`, their weights `[B, H, T, S]` as `drop` leaves them."""
    groups = q_BHTD.shape[1] // k_BHTD.shape[1]
    k_BHTD = k_BHTD.repeat_interleave(groups, dim=1)
    v_BHTD = v_BHTD.repeat_interleave(groups, dim=1)
    visible = visible_keys(
        q_BHTD.shape[2], window, document_start, q_BHTD.device, num_keys=k_BHTD.shape[2]
    )
    logits = (q_BHTD @ k_BHTD.transpose(-2, -1) * scale).masked_fill(~visible, -torch.inf)
    exact = torch.promote_types(logits.dtype, torch.float32)
    weights = logits.softmax(-1, dtype=exact).to(v_BHTD.dtype)
    return drop(weights) @ v_BHTD
