"""What NaN and infinity may reach: those who see them, and nobody else.

A kernel gives a hidden key the weight zero, and zero times NaN is NaN: a result that is not finite
may be so because of what it must not see. Then, and only then, it is computed again from inputs
without such tokens, which is exact for all who do not see one; the others get NaN. The same goes
for the gradients.

Axes: B batch, H query heads, G key heads, T time, D channels per head.
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
    first_seen: Tensor  # int64 [B or 1, T]: the first key of each query
    last_seen: Tensor  # the last query of each key

    def keys(self, num_key_heads: int) -> Tensor:
        """bool `[B, G, T]`: the keys that such a query sees."""
        seen: Tensor = sums_over(self.queries, time_of(self.queries), self.last_seen) > 0
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
    length = q.shape[2]
    time = torch.arange(length)[None]
    first = torch.zeros_like(time) if starts is None else starts.long()
    last = torch.full_like(time, length - 1)
    if starts is not None:
        every = time.int().expand_as(starts).contiguous()
        last = torch.searchsorted(starts.contiguous(), every, right=True) - 1
    if window is not None:
        first, last = first.maximum(time - window + 1), last.minimum(time + window - 1)
    bad_keys = ~(k.isfinite() & v.isfinite()).all(-1)
    seen = sums_over(bad_keys, first, time_of(bad_keys)) > 0
    seen = seen.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
    return Touched(seen | ~q.isfinite().all(-1), first, last)


def time_of(marks: Tensor) -> Tensor:
    """int64 `[1, T]`: 0 .. T - 1."""
    return torch.arange(marks.shape[-1])[None]


def sums_over(marks: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """int64 `[B, H, T]`: how many of `marks` are set from `first` to `last`, each `[B or 1, T]`."""
    before = torch.nn.functional.pad(marks.long().cumsum(-1), (1, 0))
    index = (x[:, None].expand(marks.shape) for x in (last + 1, first))
    upto, below = (before.gather(-1, where) for where in index)
    return upto - below


def finite(x: Tensor) -> Tensor:
    """`x [B, H, T, D]` with the tokens that are not finite set to zero."""
    return x.masked_fill(~x.isfinite().all(-1, keepdim=True), 0.0)
