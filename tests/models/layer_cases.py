"""What the tests of the layers' kernels share: random tensors, and a twin in float64."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from adfast.machine import processor

every_instruction_set = pytest.mark.parametrize("instruction_set", processor.instruction_sets())


def random_tensors(seed: int, *shapes: Sequence[int]) -> list[Tensor]:
    """Normal float32 tensors that want gradients."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator).requires_grad_() for shape in shapes]


def differentiate(function: Callable[..., Tensor], tensors: Sequence[Tensor]) -> list[Tensor]:
    """The value of `function` and the gradients of a random projection of it."""
    value = function(*tensors)
    generator = torch.Generator().manual_seed(99)
    d_value = torch.randn(value.shape, generator=generator).to(value.dtype)
    return [value.detach(), *torch.autograd.grad(value, tensors, d_value)]


def assert_equals_float64(
    native: Callable[..., Tensor],
    plain: Callable[..., Tensor],
    tensors: Sequence[Tensor],
    tolerance: float = 2e-6,
) -> None:
    """Assert that value and gradients of `native` are those of `plain` in float64.

    Within `tolerance` of the greatest entry of each, or twice the error of `plain` in float32.
    """
    exact = differentiate(plain, [x.detach().double().requires_grad_() for x in tensors])
    rounded = differentiate(plain, tensors)
    found = differentiate(native, tensors)
    for one, other, expected in zip(found, rounded, exact, strict=True):
        assert one.dtype == torch.float32
        assert one.shape == expected.shape
        if expected.numel() == 0:
            continue
        greatest = float(expected.abs().max())
        allowed = max(tolerance * greatest, 2 * float((other - expected).abs().max()))
        assert float((one - expected).abs().max()) <= allowed
