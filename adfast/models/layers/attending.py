"""What a block attends by over whole windows: `[B, T, H, D]` heads, as projections lay them out.

Axes: B batch, T tokens, H heads, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from adfast.attention import ContextShare, with_halo
from adfast.models.layers.block import Attend


def with_others(attend: Attend, share: ContextShare, window: int | None) -> Attend:
    """`attend`, also to the keys and values that other processes have."""
    return lambda q, k, v: attend(q, *with_halo(k, v, share, window))


def along_tokens(attend_heads: Callable[..., Tensor], **options: Any) -> Attend:
    """`attend_heads` with `options`, which takes `[B, H, T, D]`, of `[B, T, H, D]` tensors."""
    return lambda q, k, v: attend_heads(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), **options
    ).transpose(1, 2)
