"""Attention for CUDA devices: Triton kernels for long contexts and small heads.

Imported when it is chosen (`adfast.attention.backends`); `dispatch` checks what holds for every
backend, and what these kernels ask of a scale beyond that is checked here.
"""

from __future__ import annotations

import torch
from torch import Tensor

from adfast.attention.triton.decode import decode
from adfast.attention.triton.kernel_folder import keep_kernels
from adfast.attention.triton.operator import attention_operator, packed_operator
from adfast.attention.triton.tiles import DOT_TYPES, HEAD_DIMS
from adfast.errors import InvalidArgument

__all__ = ["SUPPORTED", "attention", "decode", "packed_attention", "supports"]

SUPPORTED = f"heads of {', '.join(map(str, HEAD_DIMS))} channels in float16, bfloat16 or float32"

keep_kernels()  # before the first is compiled, whichever that is


def attention(
    q_BHTD: Tensor,
    k_BHTD: Tensor,
    v_BHTD: Tensor,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    logit_bound: float | None,
    deterministic: bool | None,
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp of each query's logits `[B, H, T]`.

    Raises `InvalidArgument` for a scale that the kernels do not support.
    """
    reach, deterministic = resolve(q_BHTD.shape[2], window, scale, deterministic)
    out, lse = attention_operator(
        q_BHTD, k_BHTD, v_BHTD, document_start_BT, reach, scale, logit_bound, deterministic
    )
    return out, lse


def packed_attention(
    projected_BTCD: Tensor,
    num_heads: int,
    *,
    window: int | None,
    document_start_BT: Tensor | None,
    scale: float,
    logit_bound: float | None,
    deterministic: bool | None,
) -> Tensor:
    """The attended values `[B, H, T, D]` of queries, keys and values that lie side by side.

    Raises as `attention`.
    """
    reach, deterministic = resolve(projected_BTCD.shape[1], window, scale, deterministic)
    out: Tensor = packed_operator(
        projected_BTCD, num_heads, document_start_BT, reach, scale, logit_bound, deterministic
    )[0]
    return out


def resolve(
    length: int, window: int | None, scale: float, deterministic: bool | None
) -> tuple[int, bool]:
    """How many keys a query sees at most, and whether gradients must repeat bit for bit.

    Raises `InvalidArgument` for a scale that the kernels do not support.
    """
    if not scale > 0:
        raise InvalidArgument(
            f'scale must be positive for attention backend "triton", got {scale}; '
            'negate q, or use "reference"'
        )
    if deterministic is None:
        deterministic = torch.are_deterministic_algorithms_enabled()
    return length if window is None else min(window, length), deterministic


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernels take heads of this kind."""
    return dtype in DOT_TYPES and head_dim in HEAD_DIMS
