"""Patches of pictures, and their projection: a convolution in which no two patches overlap.

Axes: N pictures, H height, W width, C colours, M patches, S pixels of a patch times C, D channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast.models.embedding.step_input import can_examine

AT_ONCE = 512  # patches that are numbers together: these stay in the cache


def as_patches(pictures: Tensor, sides: Sequence[int]) -> Tensor:
    """`[M, S]`: the pixels of `[N, H, W, C]`, those of each finest patch side by side.

    `sides` say how many patches a coarser one has along each side, the coarsest first, and at last
    how many pixels the finest. Patches of a coarser one lie side by side too, in rows. What a
    picture lacks of whole ones is 0.
    """
    num, height, width, colours = pictures.shape
    side = math.prod(sides)
    rows, columns = -(-height // side), -(-width // side)
    missing = (0, 0, 0, columns * side - width, 0, rows * side - height)
    if any(missing):
        pictures = F.pad(pictures, missing)
    split, levels = (num, rows, *sides, columns, *sides, colours), len(sides)
    down, across = range(1, levels + 2), range(levels + 2, 2 * levels + 3)
    order = (0, *(axis for pair in zip(down, across, strict=True) for axis in pair))
    if can_examine(pictures) and pictures.dtype == torch.uint8:
        # A row of a patch is one item, and there NumPy is the faster.
        item = np.dtype((np.void, sides[-1] * colours))
        rows_of_pixels = pictures.contiguous().view(-1).numpy().view(item)
        moved = rows_of_pixels.reshape(split[:-2]).transpose(order[:-1])
        moved = np.ascontiguousarray(moved).reshape(-1).view(np.uint8)
        return torch.from_numpy(moved).view(-1, sides[-1] ** 2 * colours)
    return (
        pictures.reshape(split)
        .permute(*order, 2 * levels + 3)
        .reshape(-1, sides[-1] ** 2 * colours)
    )


def project_patches(patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """float32 `[M, D]`: what `weight` `[S, D]` and `bias` `[D]` make of patches, where positive."""
    if can_examine(patches):
        out: Tensor = PatchProjection.apply(patches, weight, bias)
        return out
    return F.relu(torch.addmm(bias, patches.to(weight.dtype), weight))


class PatchProjection(torch.autograd.Function):
    """`project_patches` by pieces; the gradient needs the pixels as they are, in their bytes.

    Nothing is differentiated with respect to them.
    """

    @staticmethod
    def forward(ctx: Any, patches: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """What is kept of the patches."""
        out = weight.new_empty(len(patches), len(bias))
        for pixels, kept in zip(patches.split(AT_ONCE), out.split(AT_ONCE), strict=True):
            torch.addmm(bias, pixels.to(weight.dtype), weight, out=kept).relu_()
        ctx.save_for_backward(patches, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor) -> tuple[None, Tensor, Tensor]:
        """The gradients of weight and bias."""
        patches, out = ctx.saved_tensors
        d_weight = out.new_zeros(out.shape[1], patches.shape[1])
        d_bias = out.new_zeros(out.shape[1])
        parts = (values.split(AT_ONCE) for values in (patches, out, d_out))
        for pixels, kept, d_kept in zip(*parts, strict=True):
            d_positive = torch.ops.aten.threshold_backward(d_kept, kept, 0)  # a mask costs six
            d_weight.addmm_(d_positive.T, pixels.to(out.dtype))
            d_bias += d_positive.sum(0)
        return None, d_weight.T, d_bias
