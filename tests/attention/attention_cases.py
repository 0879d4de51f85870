"""Random inputs for the tests of attention."""

from __future__ import annotations

import torch
from torch import Tensor


def random_qkv(
    seed: int,
    length: int,
    *,
    batch: int = 2,
    heads: int = 2,
    kv_heads: int = 2,
    head_dim: int = 16,
    dtype: torch.dtype = torch.float32,
) -> tuple[Tensor, Tensor, Tensor]:
    """q, k and v as a model makes them: views `[B, H, T, D]` of token-major memory."""
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        torch.randn(batch, length, count, head_dim, generator=generator, dtype=dtype).transpose(
            1, 2
        )
        for count in (heads, kv_heads, kv_heads)
    )


def random_document_start(seed: int, length: int, *, batch: int = 2, mean: int = 20) -> Tensor:
    """int32 `[B, T]`: documents of `mean` tokens on average."""
    generator = torch.Generator().manual_seed(seed)
    begins = torch.rand(batch, length, generator=generator) < 1 / mean
    return torch.where(begins, torch.arange(length), 0).cummax(1).values.int()
