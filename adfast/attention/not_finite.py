"""What NaN and infinity may reach: those who see them, and nobody else.

A kernel gives a hidden key the weight zero, and zero times NaN is NaN: a result that is not finite
may be so because of what it must not see. Then, and only then, it is computed again from inputs
without such tokens, which is exact for all who do not see one; the others get NaN. The same goes
for the gradients.

Axes: B batch, H query heads, G key heads, T queries, S keys, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from adfast.errors import InvalidArgument


class Attended(NamedTuple):
    """What attention computed, and from what: all tensors that its gradients need."""

    q: Tensor
    k: Tensor
    v: Tensor
    out: Tensor
    lse: Tensor


# Values and log-sum-exp of q, k and v; gradients of q, k and v for that of the values.
Forward = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
Backward = Callable[[Tensor, Attended], tuple[Tensor, Tensor, Tensor]]


@dataclass(frozen=True)
class Touched:
    """Which queries see a token that is not finite, bool `[B, H, T]`, and who sees whom."""

    queries: Tensor
    first_seen_by: Tensor  # int64 [1, S]: the first query that comes as late as each key
    last_seen_by: Tensor  # int64 [B or 1, S]: the last query that sees it, before the first if none

    def keys(self, num_key_heads: int) -> Tensor:
        """bool `[B, G, S]`: the keys that such a query sees."""
        last = self.last_seen_by.maximum(self.first_seen_by - 1)
        seen: Tensor = sums_over(self.queries, self.first_seen_by, last) > 0
        by_key: Tensor = seen.unflatten(1, (num_key_heads, -1)).any(2)
        return by_key


def attend_finite(
    run: Forward, q: Tensor, k: Tensor, v: Tensor, window: int | None, starts: Tensor | None
) -> tuple[Tensor, Tensor, Touched]:
    """What `run` would give, were hidden keys left out: values, log-sum-exp and who is touched.

    Raises `InvalidArgument` where finite tokens have logits or sums that overflow.
    """
    touched = find_touched(q, k, v, window, starts)
    out, lse = run(*(finite(x) for x in (q, k, v)))
    overflows = ~(out.isfinite().all(-1) & lse.isfinite()) & ~touched.queries
    if overflows.any():
        raise overflow(out.dtype, "batch, head, token", overflows)
    nan = torch.zeros_like(lse).masked_fill(touched.queries, torch.nan)
    return out + nan[..., None], lse + nan, touched


def is_finite(out: Tensor, lse: Tensor) -> bool:
    """Whether all of a result is finite."""
    return bool((out.sum(dtype=torch.float64) + lse.sum(dtype=torch.float64)).isfinite())


def overflow(dtype: torch.dtype, axes: str, where: Tensor) -> InvalidArgument:
    """The error for finite tokens whose logits `dtype` cannot hold; it says the first `where`."""
    return InvalidArgument(
        f"attention logits overflow {str(dtype).removeprefix('torch.')} at ({axes}) "
        f"{tuple(where.nonzero()[0].tolist())}; scale q and k down, or bound them (model.qk_norm)"
    )


def differentiate_finite(
    run: Backward, touched: Touched, d_out: Tensor, attended: Attended
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients that `run` would give, NaN for those who are touched alone."""
    q, k, v, out, lse = attended
    queries = touched.queries
    d_out, q, out = (x.masked_fill(queries[..., None], 0.0) for x in (d_out, finite(q), out))
    cleaned = Attended(q, finite(k), finite(v), out, lse.masked_fill(queries, 0.0))
    dq, dk, dv = run(d_out, cleaned)
    keys = touched.keys(k.shape[1])[..., None]
    return (
        dq.masked_fill(queries[..., None], torch.nan),
        dk.masked_fill(keys, torch.nan),
        dv.masked_fill(keys, torch.nan),
    )


def find_touched(
    q: Tensor, k: Tensor, v: Tensor, window: int | None, starts: Tensor | None
) -> Touched:
    """Who sees a token of which a query, key or value is not finite."""
    num_queries, num_keys = q.shape[2], k.shape[2]
    prefix = num_keys - num_queries
    key = torch.arange(num_keys)[None]
    own = key[:, prefix:]  # of each query the key of its token
    first = torch.zeros_like(own) if starts is None else starts.long()
    last_query = torch.full_like(key, num_queries - 1)
    if starts is not None:
        every = key.int().expand(len(starts), -1).contiguous()
        last_query = torch.searchsorted(starts.contiguous(), every, right=True) - 1
    if window is not None:
        first = first.maximum(own - window + 1)
        last_query = last_query.minimum(key + window - 1 - prefix)
    bad_keys = ~(k.isfinite() & v.isfinite()).all(-1)
    seen = sums_over(bad_keys, first, own) > 0
    seen = seen.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    first_query = (key - prefix).clamp(min=0)
    return Touched(seen | ~q.isfinite().all(-1), first_query, last_query)


def sums_over(marks: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """int64 `[B, H, N]`: how many of `marks` `[B, H, ..]` are set from `first` to `last`.

    Both are `[B or 1, N]`.
    """
    before = torch.nn.functional.pad(marks.long().cumsum(-1), (1, 0))
    index = (x[:, None].expand(*marks.shape[:2], -1) for x in (last + 1, first))
    upto, below = (before.gather(-1, where) for where in index)
    return upto - below


def finite(x: Tensor) -> Tensor:
    """`x [B, H, T, D]` with the tokens that are not finite set to zero."""
    return x.masked_fill(~x.isfinite().all(-1, keepdim=True), 0.0)
