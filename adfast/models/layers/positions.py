"""Rotary position encoding, exact at any position.

Angles are reduced modulo 2 pi in float64: in float32 an angle at position 10^6 is off by .06 rad.

Source: Su et al. 2021, "RoFormer" (arXiv 2104.09864).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from adfast.models.config import ModelConfig

Rotation = tuple[Tensor, Tensor]  # cosines and sines [..., 1, pairs] of each position's angles


def rotation_at(position: Tensor, config: ModelConfig) -> Rotation | None:
    """The rotation of `position` (int64 `[...]`), or None when the encoding rotates nothing."""
    if config.position_encoding not in ("rope", "partial-rope"):
        return None
    rotated = config.head_dim // (1 if config.position_encoding == "rope" else 2)
    exponent = torch.arange(0, rotated, 2, dtype=torch.float64, device=position.device) / rotated
    angle = position.double()[..., None, None] * config.rope_base**-exponent % (2 * math.pi)
    return angle.cos().float(), angle.sin().float()


def rotate(x: Tensor, rotation: Rotation) -> Tensor:
    """`x [..., H, D]` with its first 2 * pairs channels rotated, channel i with i + pairs.

    Computed in float32 at least, and rounded once to the dtype of `x`.
    """
    cosine, sine = rotation
    pairs = cosine.shape[-1]
    first, second, rest = x.split((pairs, pairs, x.shape[-1] - 2 * pairs), dim=-1)
    rotated = (first * cosine - second * sine, second * cosine + first * sine)
    return torch.cat((*(part.to(x.dtype) for part in rotated), rest), dim=-1)
