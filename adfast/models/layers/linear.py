"""The product with a weight matrix, whose gradient is taken in the faster orientation.

Axes: M rows, C columns of the weight, R rows of the weight.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast.models.layers.native_layers import computes_natively


def linear(x: Tensor, weight: Tensor, onto: Tensor | None = None) -> Tensor:
    """`x @ weight.T`, `[..., R]`, for `x [..., C]` and `weight [R, C]`; plus `onto`, if given."""
    if not computes_natively(x, weight):
        product = F.linear(x, weight)
        return product if onto is None else onto + product
    rows = None if onto is None else onto.flatten(0, -2)
    out: Tensor = Linear.apply(x.flatten(0, -2), weight, rows)
    return out.view(*x.shape[:-1], len(weight))


class Linear(torch.autograd.Function):
    """`linear` of rows `[M, C]`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, onto: Tensor | None) -> Tensor:
        """The product `[M, R]`, plus `onto`."""
        ctx.save_for_backward(x, weight)
        ctx.is_sum = onto is not None
        return torch.mm(x, weight.T) if onto is None else torch.addmm(onto, x, weight.T)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """The gradients of x, of the weight and of `onto`."""
        x, weight = ctx.saved_tensors
        d_weight = zero_gradient(weight)
        add_weight_gradient(d_weight, d_out, x)
        return torch.mm(d_out, weight), d_weight, d_out if ctx.is_sum else None


def zero_gradient(weight: Tensor) -> Tensor:
    """Zeros of the shape of `weight [R, C]`, laid out along its longer side.

    Products of long matrices are a quarter faster when the wider result is the one in rows.
    """
    rows, columns = weight.shape
    return weight.new_zeros(columns, rows).T if rows > columns else torch.zeros_like(weight)


def add_weight_gradient(d_weight: Tensor, d_out: Tensor, x: Tensor) -> None:
    """Add `d_out.T @ x` to what `zero_gradient` made."""
    if d_weight.is_contiguous():
        d_weight.addmm_(d_out.T, x)
    else:
        d_weight.T.addmm_(x.T, d_out)
