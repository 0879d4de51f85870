"""Which tile, how many warps and which shortcuts each kernel takes, by shape and type.

One table, not an autotuner: a run is reproducible, the shipped variants can be compiled and counted
without a GPU, and the interpreter can run them. `docs/attention-kernel.md` gives the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl

HEAD_DIMS = (16, 32, 64, 128)
DOT_TYPES = {torch.float16: tl.float16, torch.bfloat16: tl.bfloat16, torch.float32: tl.float32}
SHORT_WINDOW = 512  # keys; beyond it fewer instructions per score outweigh scores computed in vain
CACHED_BYTES = 16 << 20  # of keys and values that heads at work together may hold in the L2 cache
# Largest bound on the logits whose exponentials need no row maximum: they and a sum of 10^9 of them
# must stay within float32, and for float16, in which weights are rounded, within its normal range.
LARGEST_BOUND = {torch.float16: 9.0, torch.bfloat16: 60.0, torch.float32: 60.0}
HOPPER = (9, 0)


@dataclass(frozen=True)
class Tile:
    """Queries and keys of one step of a kernel, its warps and the depth of its load pipeline."""

    queries: int
    keys: int
    num_warps: int = 4
    num_stages: int = 2


def forward_tile(
    head_dim: int, dtype: torch.dtype, reach: int, capability: tuple[int, int]
) -> Tile:
    """The tile of the forward kernel; `reach` is the number of keys that a query may see."""
    if dtype == torch.float32:
        return Tile(32, 32, num_stages=1)
    if head_dim == 128:
        return Tile(128, 64, num_warps=8) if capability >= HOPPER else Tile(64, 32)
    if reach <= SHORT_WINDOW:
        return Tile(64, 64)
    return Tile(128, 64, num_warps=8 if head_dim == 64 else 4)


def query_gradient_tile(head_dim: int, dtype: torch.dtype) -> Tile:
    """The tile of the kernel of dq."""
    if dtype == torch.float32:
        return Tile(32, 32, num_stages=1)
    return Tile(64, 32 if head_dim == 128 else 64)


def key_gradient_tile(
    head_dim: int, dtype: torch.dtype, capability: tuple[int, int], fused: bool
) -> Tile:
    """The tile of the kernel of dk and dv, and with `fused` of dq: the largest without a spill."""
    if dtype == torch.float32:
        return Tile(32, 32, num_stages=1)
    if head_dim == 128:
        return Tile(32 if capability >= HOPPER else 16, 128, num_warps=8)
    if capability < HOPPER:
        return Tile(64 if head_dim == 16 else 32, 64)
    return Tile(64, 64, num_stages=1 if fused and head_dim == 64 else 2)


def prefers_fused(head_dim: int, reach: int) -> bool:
    """Whether the fused backward kernel pays: keys see many queries, and registers suffice."""
    return reach >= SHORT_WINDOW and head_dim <= 64


def decode_tile(head_dim: int, group: int) -> Tile:
    """The tile of the decode kernel for `group` query heads per key head."""
    queries = 1 if group == 1 else max(16, triton.next_power_of_2(group))  # 16: a matrix product
    return Tile(queries, 4096 // max(head_dim, 32), num_warps=2 if head_dim <= 32 else 4)


def is_bounded(logit_bound: float | None, dtype: torch.dtype) -> bool:
    """Whether `logit_bound` lets the forward kernel do without the row maximum."""
    return logit_bound is not None and logit_bound <= LARGEST_BOUND[dtype]


def folds_scale(head_dim: int, dtype: torch.dtype) -> bool:
    """Whether a bounded forward kernel should scale queries instead of scores.

    The scaled query is kept as a sum of two numbers, so nothing is lost to rounding, and the second
    product is free where the exponentials, not the tensor cores, are the limit.
    """
    return head_dim <= 32 and dtype != torch.float32


def polynomial_share(tile: Tile, head_dim: int, dtype: torch.dtype) -> int:
    """Of 8 scores of a bounded forward kernel, how many take exp2 off the special function unit."""
    return 2 if folds_scale(head_dim, dtype) and tile.queries > 64 else 0


def dot_type(dtype: torch.dtype) -> tl.dtype:
    """The operand type of the kernels' matrix products for tensors of `dtype`.

    The interpreter multiplies bfloat16 by its bits (triton#11584), so there it is float32.
    """
    if dtype == torch.bfloat16 and triton.knobs.runtime.interpret:
        return tl.float32
    return DOT_TYPES[dtype]


def device_capability(device: torch.device) -> tuple[int, int]:
    """The compute capability of a CUDA `device`; Hopper's for the interpreter."""
    return torch.cuda.get_device_capability(device) if device.type == "cuda" else HOPPER


def heads_at_once(num_rows: int, length: int, head_dim: int, dtype: torch.dtype) -> int:
    """How many heads to start together, so that their keys and values stay in the L2 cache."""
    bytes_per_head = 2 * length * head_dim * dtype.itemsize
    return min(num_rows, max(1, CACHED_BYTES // bytes_per_head))
