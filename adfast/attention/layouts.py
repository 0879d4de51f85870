"""How heads lie in memory, as the kernels ask for it.

Axes: B batch, H query heads, T time, C all heads: H of queries, then H_kv of keys, then H_kv of
values; D channels per head.
"""

from __future__ import annotations

from torch import Tensor


def with_adjacent_channels(x: Tensor) -> Tensor:
    """`x`, copied unless its channels are adjacent in memory: kernels silently assume it."""
    return x if x.stride(-1) == 1 else x.contiguous()


def empty_token_major(like: Tensor) -> Tensor:
    """An uninitialised `[B, H, T, D]` whose memory is `[B, T, H, D]`, as projections read it."""
    batch, heads, length, channels = like.shape
    return like.new_empty(batch, length, heads, channels).transpose(1, 2)


def split_heads(projected_BTCD: Tensor, num_heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """`q [B, H, T, D]` and `k, v [B, H_kv, T, D]` as views of the heads that lie side by side."""
    num_kv_heads = (projected_BTCD.shape[2] - num_heads) // 2
    q, k, v = projected_BTCD.split((num_heads, num_kv_heads, num_kv_heads), dim=2)
    return q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)


def strides_of(*tensors: Tensor) -> list[int]:
    """The strides of batch, head and token of each, beside which channels are adjacent."""
    return [stride for x in tensors for stride in x.stride()[:3]]
