"""Random inputs for the tests of attention."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from adfast.attention import native_cpu, reference

TOLERANCE = 2e-5  # of float32 against float64

# Values and log-sum-exp of q, k, v, window, document_start_BT and scale: a backend's `attention`.
Backend = Callable[..., tuple[Tensor, Tensor]]


def native(instruction_set: str) -> Backend:
    """The C++ kernel of one instruction set."""

    def run(*tensors: Tensor, **options: object) -> tuple[Tensor, Tensor]:
        return native_cpu.attention(*tensors, instruction_set=instruction_set, **options)

    return run


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


def differentiate(
    run: Backend,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    dtype: torch.dtype = torch.float32,
    window: int | None = None,
    starts: Tensor | None = None,
    scale: float = 0.25,
) -> list[Tensor]:
    """Values, log-sum-exp and the gradients of q, k and v for one fixed gradient of the values."""
    d_out = torch.randn(q.shape, generator=torch.Generator().manual_seed(9))
    leaves = [x.to(dtype).requires_grad_() for x in (q, k, v)]
    out, lse = run(*leaves, window=window, document_start_BT=starts, scale=scale)
    return [out, lse, *torch.autograd.grad(out, leaves, d_out.to(dtype))]


def assert_equals_float64(run: Backend, q: Tensor, k: Tensor, v: Tensor, **options: object) -> None:
    """What `differentiate` gives is within `TOLERANCE` of the definition in float64."""
    found = differentiate(run, q, k, v, **options)
    expected = differentiate(reference.attention, q, k, v, dtype=torch.float64, **options)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one.double(), other, rtol=0, atol=TOLERANCE)
