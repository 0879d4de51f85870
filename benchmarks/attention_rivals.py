"""What a user would run instead on a GPU: every attention that is importable, at its best setting.

A rival is prepared once per workload, and what it prepares (a block mask, packed copies) is timed
apart. Each takes and returns `[B, H, T, D]`, causal, with a sliding window where it has one.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
Prepare = Callable[[], Attend]


def rivals(
    window: int | None, batch: int, length: int, device: str
) -> Iterator[tuple[str, Prepare]]:
    """The name and the preparation of each rival that can do this workload."""
    if window is None:
        yield from scaled_dot_product_rivals()
    if device == "cuda":
        yield "varlen_attn", lambda: packed_attention(window, batch, length)
        yield "FlexAttention", lambda: flex_attention(window, length)
        yield "flash-attn 2", lambda: flash_attention("flash_attn", window)
        yield "flash-attn 3", lambda: flash_attention("flash_attn_interface", window)


def scaled_dot_product_rivals() -> Iterator[tuple[str, Prepare]]:
    """torch's kernels, each forced: the default may pick the slow one."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    def forced(backend: SDPBackend) -> Attend:
        def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            with sdpa_kernel(backend):
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)

        return attend

    for backend in (
        SDPBackend.FLASH_ATTENTION,
        SDPBackend.CUDNN_ATTENTION,
        SDPBackend.EFFICIENT_ATTENTION,
    ):
        yield f"SDPA {backend.name.split('_')[0].lower()}", partial(forced, backend)


def flex_attention(window: int | None, length: int) -> Attend:
    """FlexAttention, compiled, with its block mask built beforehand."""
    from torch.nn.attention import flex_attention as flex

    def visible(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query - key < (length if window is None else window))

    block_mask = flex.create_block_mask(visible, None, None, length, length, device="cuda")
    compiled = torch.compile(flex.flex_attention, dynamic=False)
    return lambda q, k, v: compiled(q, k, v, block_mask=block_mask)


def packed_attention(window: int | None, batch: int, length: int) -> Attend:
    """torch's attention of packed documents, one per sequence."""
    # Untyped: its options differ from one torch to the next.
    varlen_attn: Any = importlib.import_module("torch.nn.attention.varlen").varlen_attn
    starts = torch.arange(0, (batch + 1) * length, length, dtype=torch.int32, device="cuda")
    parameters = inspect.signature(varlen_attn).parameters
    options: dict[str, Any]
    if "window_size" in parameters:
        options = {"window_size": (-1 if window is None else window - 1, 0)}
    elif window is None:
        options = {"is_causal": True}
    else:
        raise ImportError("this torch's varlen_attn has no window")

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        packed = (x.transpose(1, 2).flatten(0, 1) for x in (q, k, v))
        out: Tensor = varlen_attn(*packed, starts, starts, length, length, **options)
        attended: Tensor = out.unflatten(0, (batch, length))
        return attended.transpose(1, 2)

    return attend


def flash_attention(module: str, window: int | None) -> Attend:
    """Tri Dao's packages, if they are installed."""
    attend = importlib.import_module(module).flash_attn_func
    size = (-1, -1) if window is None else (window - 1, 0)

    def run(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = attend(*(x.transpose(1, 2) for x in (q, k, v)), causal=True, window_size=size)
        attended: Tensor = out[0] if isinstance(out, tuple) else out
        return attended.transpose(1, 2)

    return run
