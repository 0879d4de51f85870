"""Attention on the CPU."""

from __future__ import annotations

from torch import Tensor

from adfast.attention import reference


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp `[B, H, T]`."""
    return reference.attention(
        q_BHTD, k_BHTD, v_BHTD, window=window, document_start_BT=document_start_BT, scale=scale
    )
