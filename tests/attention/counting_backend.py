"""A backend of the tests' own, which counts its calls: a module, and a line of the table."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from adfast.attention import reference

SUPPORTED = "heads of even width"
CALLS: list[str] = []


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    return head_dim % 2 == 0


def attention(
    *tensors: Tensor, logit_bound: float | None, deterministic: bool | None, **options: Any
) -> tuple[Tensor, Tensor]:
    CALLS.append("attention")
    return reference.attention(*tensors, **options)


def decode(*arguments: Any, scale: float) -> Tensor:
    CALLS.append("decode")
    return reference.decode(*arguments, scale=scale)
