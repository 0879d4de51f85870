"""What one process of a group finds of attention over its share: `test_halo.py` asks for it."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from attention_cases import random_document_start, random_qkv

from adfast.attention import ContextShare, attention, in_halo, with_halo
from adfast.attention.halo import HaloExchange


def attend(share: ContextShare, q, k, v, window, starts, backend):
    """Attention `[B, H, share, D]` of the share's own queries, keys and values."""
    keys, values = with_halo(k.transpose(1, 2), v.transpose(1, 2), share, window)
    if starts is not None:
        starts = in_halo(starts[:, share.first : share.last], share, window)
    options = {"window": window, "document_start": starts, "backend": backend}
    return attention(q, keys.transpose(1, 2), values.transpose(1, 2), **options)


def worst_errors(group: dist.ProcessGroup, cases: list[dict[str, Any]]) -> list[float]:
    """Of each case the largest error of values and gradients beside one process.

    Relative where they are larger than one.
    """
    return [worst_error(group, **case) for case in cases]


def worst_error(
    group: dist.ProcessGroup,
    length: int,
    window: int | None,
    documents: str,
    dtype: str = "float64",
    backend: str = "auto",
) -> float:
    """The same of one case."""
    share = ContextShare.of(group, length)
    tensors = random_qkv(length, length, heads=4, kv_heads=2, dtype=getattr(torch, dtype))
    d_out = random_qkv(length + 1, length, heads=4, dtype=getattr(torch, dtype))[0]
    starts = None
    if documents == "many":
        starts = random_document_start(length, length, mean=7)
    if documents == "over the cut":  # one that begins before a cut and one that begins at it
        starts = torch.zeros(2, length, dtype=torch.int32)
        starts[0, share.cuts[1] - 2 :] = share.cuts[1] - 2
        starts[1, share.cuts[1] :] = share.cuts[1]
    whole = [x.clone().requires_grad_() for x in tensors]
    expected = attention(*whole, window=window, document_start=starts, backend=backend)
    gradients = torch.autograd.grad(expected, whole, d_out)
    own = slice(share.first, share.last)
    leaves = [x[:, :, own].clone().requires_grad_() for x in tensors]
    out = attend(share, *leaves, window, starts, backend)
    found = (out, *torch.autograd.grad(out, leaves, d_out[:, :, own]))
    errors = (
        (one - other[:, :, own]).detach().abs().max() / other.detach().abs().max().clamp(min=1.0)
        for one, other in zip(found, (expected, *gradients), strict=True)
    )
    return max(map(float, errors))


def messages(group: dist.ProcessGroup, length: int, window: int | None) -> list[list[int]]:
    """How many tokens this process gets of whom; with the halo's gradient checked numerically."""
    share = ContextShare.of(group, length)
    generator = torch.Generator().manual_seed(group.rank())
    shape = (1, share.last - share.first, 1, 2)
    k, v = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    whole = HaloExchange.apply(k, v, share, window)[0]
    assert whole.shape[1] == share.last - share.first_key(window)
    return [[piece.process, piece.last - piece.first] for piece in share.halo(group.rank(), window)]
