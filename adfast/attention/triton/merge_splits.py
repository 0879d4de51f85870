"""Puts together what the programs that share a head of a decode step have found.

Axes: N environments, H query heads, P splits, D channels.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def merge_splits(
    attended,  # float32 [N, H, P, D], contiguous: sums of values times weights
    statistics,  # float32 [N, H, P, 2], contiguous: maximum and sum of weights, as powers of 2
    out,  # [N, H, D], contiguous, written
    num_splits,  # P
    D: tl.constexpr,
    BLOCK_P: tl.constexpr,  # splits per step
):
    """Write the attended values of one head; each lane of splits keeps a sum of its own."""
    row = tl.program_id(0).to(tl.int64)
    channel = tl.arange(0, D)
    lane = tl.arange(0, BLOCK_P)
    maxima = tl.full([BLOCK_P], float("-inf"), tl.float32)
    for first in range(0, num_splits, BLOCK_P):
        at = statistics + (row * num_splits + first + lane) * 2
        is_split = first + lane < num_splits
        maxima = tl.maximum(maxima, tl.load(at, mask=is_split, other=float("-inf")))
    highest = tl.max(maxima, 0)
    totals = tl.zeros([BLOCK_P], tl.float32)
    sums = tl.zeros([BLOCK_P, D], tl.float32)
    for first in range(0, num_splits, BLOCK_P):
        split = row * num_splits + first + lane
        is_split = first + lane < num_splits
        maximum = tl.load(statistics + split * 2, mask=is_split, other=float("-inf"))
        weight = tl.exp2(maximum - highest)
        totals += weight * tl.load(statistics + split * 2 + 1, mask=is_split, other=0.0)
        part = tl.load(
            attended + split[:, None] * D + channel[None, :], mask=is_split[:, None], other=0.0
        )
        sums += weight[:, None] * part
    result = tl.sum(sums, 0) / tl.sum(totals, 0)
    tl.store(out + row * D + channel, result.to(out.dtype.element_ty))
