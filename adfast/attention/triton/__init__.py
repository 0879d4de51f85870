"""Attention for CUDA devices: Triton kernels for long contexts and small heads.

Imported when it is chosen (`adfast.attention.backends`); `dispatch` checks what holds for every
backend, and what these kernels ask of a scale beyond that is checked here.
"""

from __future__ import annotations

from typing import Unpack

import torch
from torch import Tensor
from torch.nn.functional import pad

from adfast.attention.arguments import Options
from adfast.attention.triton.decode import decode
from adfast.attention.triton.kernel_folder import keep_kernels
from adfast.attention.triton.operator import attention_operator, packed_operator
from adfast.attention.triton.tiles import DOT_TYPES, HEAD_DIMS
from adfast.errors import InvalidArgument

__all__ = ["SUPPORTED", "attention", "decode", "packed_attention", "supports"]

SUPPORTED = f"heads of {', '.join(map(str, HEAD_DIMS))} channels in float16, bfloat16 or float32"

keep_kernels()  # before the first is compiled, whichever that is


def attention(
    q_BHTD: Tensor, k_BHTD: Tensor, v_BHTD: Tensor, **options: Unpack[Options]
) -> tuple[Tensor, Tensor]:
    """The attended values `[B, H, T, D]` and the log-sum-exp of each query's logits `[B, H, T]`.

    Raises `InvalidArgument` for a scale that the kernels do not support.
    """
    prefix = k_BHTD.shape[2] - q_BHTD.shape[2]
    starts = options["document_start_BT"]
    if prefix > 0:  # the kernels have a query for each key: those of the first are not looked at
        q_BHTD = pad(q_BHTD, (0, 0, prefix, 0))
        starts = None if starts is None else pad(starts, (prefix, 0))
    operator_options = of_operator(k_BHTD.shape[2], {**options, "document_start_BT": starts})
    out, lse = attention_operator(q_BHTD, k_BHTD, v_BHTD, *operator_options)
    return out[:, :, prefix:], lse[:, :, prefix:]


def packed_attention(projected_BTCD: Tensor, num_heads: int, **options: Unpack[Options]) -> Tensor:
    """The attended values `[B, H, T, D]` of queries, keys and values that lie side by side.

    Raises as `attention`.
    """
    length = projected_BTCD.shape[1]
    out: Tensor = packed_operator(projected_BTCD, num_heads, *of_operator(length, options))[0]
    return out


def of_operator(
    length: int, options: Options
) -> tuple[Tensor | None, int, float, float | None, bool]:
    """The options as the operators take them; raises `InvalidArgument` for a scale <= 0.

    The window has become how many keys a query sees at most.
    """
    window, scale = options["window"], options["scale"]
    deterministic = options.get("deterministic")
    if not scale > 0:
        raise InvalidArgument(
            f'scale must be positive for attention backend "triton", got {scale}; '
            'negate q, or use "reference"'
        )
    if deterministic is None:
        deterministic = torch.are_deterministic_algorithms_enabled()
    reach = length if window is None else min(window, length)
    bound = options.get("logit_bound")
    return options["document_start_BT"], reach, scale, bound, deterministic


def supports(dtype: torch.dtype, head_dim: int) -> bool:
    """Whether the kernels take heads of this kind."""
    return dtype in DOT_TYPES and head_dim in HEAD_DIMS
