"""What a block attends by over whole windows: `[B, T, H, D]` heads, as projections lay them out.

Axes: B batch, T tokens, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from adfast.attention import ContextShare, attention, attention_dropping, with_halo
from adfast.models.block import Attend


def with_others(attend: Attend, share: ContextShare, window: int | None) -> Attend:
    """`attend`, also to the keys and values that other processes have."""
    return lambda q, k, v: attend(q, *with_halo(k, v, share, window))


def attend_sequence(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None,
    document_start: Tensor | None,
    scale: float,
    logit_bound: float | None,
    backend: str,
) -> Tensor:
    """`attention` of `[B, T, H, D]` tensors."""
    return attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        window=window,
        document_start=document_start,
        scale=scale,
        logit_bound=logit_bound,
        backend=backend,
    ).transpose(1, 2)


def attend_sequence_dropping(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    window: int | None,
    document_start: Tensor | None,
    scale: float,
    drop: Callable[[Tensor], Tensor],
) -> Tensor:
    """`attention_dropping` of `[B, T, H, D]` tensors."""
    return attention_dropping(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        window=window,
        document_start=document_start,
        scale=scale,
        drop=drop,
    ).transpose(1, 2)
