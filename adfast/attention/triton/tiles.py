"""How each kernel is specialised: its tile, its warps and its shortcuts, by shape and type.

One table, timed on an H100, not an autotuner: a run is reproducible, the shipped variants can be
compiled and counted without a GPU, and the interpreter can run them. `docs/attention-kernel.md` has
the times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl

HEAD_DIMS = (16, 32, 64, 128)
DOT_TYPES = {torch.float16: tl.float16, torch.bfloat16: tl.bfloat16, torch.float32: tl.float32}
SHORT_WINDOW = 512  # keys; beyond it loads further ahead pay, and the fused gradient
CACHED_BYTES = 16 << 20  # of keys and values that heads at work together may hold in the L2 cache
# Largest bound on the logits whose exponentials need no row maximum: they and a sum of 10^9 of them
# must stay within float32, and for float16, in which weights are rounded, within its normal range.
LARGEST_BOUND = {torch.float16: 9.0, torch.bfloat16: 60.0, torch.float32: 60.0}
KEYS_PER_SPLIT = 1024  # that a program of a decode step has at least where a head is split
DECODE_PROGRAMS = 1024  # 8 for each multiprocessor, which have enough reads under way together
HOPPER = (9, 0)

Options = dict[str, Any]  # the constants and the launch options of one kernel


@dataclass(frozen=True)
class Tile:
    """Queries and keys of one step of a kernel, its warps and the depth of its load pipeline."""

    queries: int
    keys: int
    num_warps: int = 4
    num_stages: int = 2
    max_registers: int | None = None  # per thread; None leaves it to ptxas

    def options(self, **constants: Any) -> Options:
        """The launch options of this tile beside `constants`."""
        if self.max_registers is not None:
            constants["maxnreg"] = self.max_registers
        return constants | {
            "num_warps": self.num_warps,
            "num_stages": self.num_stages,
            "enable_fp_fusion": True,  # Triton 3.10 turns it off by default
        }


def forward_options(
    head_dim: int,
    dtype: torch.dtype,
    reach: int,
    has_documents: bool,
    logit_bound: float | None,
    capability: tuple[int, int],
) -> Options:
    """How the forward kernel runs; `reach` is the number of keys that a query sees at most."""
    tile = forward_tile(head_dim, dtype, reach, capability)
    bounded = logit_bound is not None and logit_bound <= LARGEST_BOUND[dtype]
    return tile.options(
        **band_constants(tile, head_dim, dtype, reach, has_documents),
        BOUNDED=bounded,
    )


def band_constants(
    tile: Tile, head_dim: int, dtype: torch.dtype, reach: int, has_documents: bool
) -> Options:
    """What every kernel over the band of visible keys is compiled for."""
    return {
        "D": head_dim,
        "BLOCK_M": tile.queries,
        "BLOCK_N": tile.keys,
        "DOT": dot_type(dtype),
        "HAS_DOCUMENTS": has_documents,
        "NARROW": has_documents or reach < max(tile.queries, tile.keys),
    }


def forward_tile(
    head_dim: int, dtype: torch.dtype, reach: int, capability: tuple[int, int]
) -> Tile:
    """The tile of the forward kernel."""
    if dtype == torch.float32:
        return float32_tile(head_dim)
    if head_dim == 128:
        return Tile(128, 64, num_warps=8) if capability >= HOPPER else Tile(64, 32)
    # A short window ends before a third tile that is loaded ahead is of use.
    stages = 2 if reach <= SHORT_WINDOW else 3
    # Two warps are too few for the asynchronous products of Hopper: with the older ones, half as
    # fast, which at 16 channels still keep up, nothing waits for a whole tile of logits.
    if head_dim == 16 and capability >= HOPPER:
        return Tile(64, 64, num_warps=2, num_stages=stages, max_registers=200)
    return Tile(64, 64, num_stages=3)


def query_gradient_options(
    head_dim: int,
    dtype: torch.dtype,
    reach: int,
    has_documents: bool,
    capability: tuple[int, int],
) -> Options:
    """How the kernel of dq runs."""
    if dtype == torch.float32:
        tile = float32_tile(head_dim)
    elif head_dim == 16 and capability >= HOPPER:
        tile = Tile(64, 32, num_warps=2)
    else:
        tile = Tile(64, 32 if head_dim == 128 else 64)
    return tile.options(**band_constants(tile, head_dim, dtype, reach, has_documents))


def key_gradient_options(
    head_dim: int,
    group: int,
    dtype: torch.dtype,
    reach: int,
    has_documents: bool,
    fused: bool,
    capability: tuple[int, int],
) -> Options:
    """How the kernel of dk and dv runs, with `fused` also of dq."""
    tile = key_gradient_tile(head_dim, dtype, fused, capability)
    return tile.options(
        GROUP=group, **band_constants(tile, head_dim, dtype, reach, has_documents), FUSED=fused
    )


def key_gradient_tile(
    head_dim: int, dtype: torch.dtype, fused: bool, capability: tuple[int, int]
) -> Tile:
    """The tile of the kernel of dk and dv."""
    if dtype == torch.float32:
        wide = Tile(16, 32, num_warps=8, num_stages=1)
        return wide if head_dim == 128 else float32_tile(head_dim)
    if head_dim == 128:
        return Tile(32 if capability >= HOPPER else 16, 128, num_warps=8)
    if capability >= HOPPER:  # the fastest of those timed on an H100
        if head_dim == 64:
            return Tile(64, 64, num_stages=3)
        if fused and head_dim == 16:
            return Tile(32, 128, num_warps=2)
        return Tile(64 if fused else 32, 64, num_warps=2, num_stages=3)
    if head_dim == 64 and fused:
        return Tile(32, 128, num_warps=8)
    return Tile(64 if head_dim == 16 else 32, 64)


def float32_tile(head_dim: int) -> Tile:
    """The tile of a kernel in float32, which multiplies exactly, so without tensor cores."""
    if head_dim <= 32:
        return Tile(32, 32)
    return Tile(32, 32, num_warps=8, num_stages=1) if head_dim == 64 else Tile(16, 16, num_stages=1)


def prefers_fused(head_dim: int, dtype: torch.dtype, reach: int) -> bool:
    """Whether the fused backward kernel pays: keys see many queries, and registers suffice."""
    return reach >= SHORT_WINDOW and head_dim <= 64 and dtype != torch.float32


def decode_splits(num_slots: int, num_rows: int) -> int:
    """How many programs share each of `num_rows` key heads, whose cache has `num_slots` slots.

    A function of what does not change from step to step, so that a CUDA graph can hold it.
    """
    return max(1, min(num_slots // KEYS_PER_SPLIT, DECODE_PROGRAMS // num_rows))


def decode_options(head_dim: int, group: int, dtype: torch.dtype, split: bool) -> Options:
    """How the decode kernel of `group` query heads per key head runs."""
    is_wide = dtype == torch.float32 or split
    num_warps = 2 if head_dim <= 32 else 4
    if group > 1 and head_dim == 128 and dtype == torch.float32:
        num_warps = 8
    tile = Tile(
        queries=max(16, triton.next_power_of_2(group)),  # 16: the rows of a matrix product
        keys=(2048 if is_wide else 4096) // max(head_dim, 32),
        num_warps=num_warps,
        num_stages=1 if dtype == torch.float32 else 2,
    )
    if group == 1:
        return tile.options(D=head_dim, BLOCK_N=tile.keys, SPLIT=split)
    return tile.options(
        GROUP=group,
        D=head_dim,
        BLOCK_M=tile.queries,
        BLOCK_N=tile.keys,
        DOT=dot_type(dtype),
        SPLIT=split,
    )


def merge_options(head_dim: int) -> Options:
    """How the kernel that puts together the splits of a head runs."""
    tile = Tile(queries=1, keys=4096 // max(head_dim, 32))
    return tile.options(D=head_dim, BLOCK_P=tile.keys)


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
