"""Contests of attention on one core, forward and backward, against torch's kernels.

Axes: B batch, H heads, T time, D channels per head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from benchmarks.contest import Contest, require_close
from benchmarks.engine import attention, banded_cpu
from benchmarks.limits import matrix_product
from benchmarks.one_thread import one_torch_thread
from benchmarks.pair_timer import Contender

WIDTH = 64  # channels of all heads together
TOLERANCE = 1e-4
# Two products of D multiply-adds a score forward, five backward.
OPERATIONS_PER_SCORE_AND_CHANNEL = 2 * (2 + 5)

Attend = Callable[[Tensor, Tensor, Tensor], Tensor]


@contextmanager
def forward_backward(
    length: int, window: int | None, head_dim: int, num_tokens: int
) -> Iterator[Contest]:
    """`attention` of `num_tokens` tokens in sequences of `length` against torch's is_causal.

    Torch has no window: that rival attends to the whole past, which is faster than a dense mask. A
    window has a second rival, `banded_cpu`, which runs torch's kernel on the keys of each chunk of
    queries. The check compares the window with torch under a dense mask and with the chunks, and no
    window with the rival itself.
    """
    shape = (num_tokens // length, WIDTH // head_dim, length, head_dim)
    generator = torch.Generator().manual_seed(0)
    q, k, v, d_out = (torch.randn(shape, generator=generator) for _ in range(4))
    inputs = tuple(x.requires_grad_() for x in (q, k, v))

    def run(attend: Attend) -> list[Tensor]:
        out = attend(*inputs)
        return [out.detach(), *torch.autograd.grad(out, inputs, d_out)]

    def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return scaled_dot_product_attention(q, k, v, is_causal=True)

    def masked(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return scaled_dot_product_attention(q, k, v, attn_mask=band(length, window))

    def windowed(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention(q, k, v, window=window, backend="cpu")

    def banded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scale = head_dim**-0.5
        return banded_cpu.attention(q, k, v, window=window, document_start_BT=None, scale=scale)[0]

    def unbounded(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return attention(q, k, v, backend="cpu")

    def check() -> None:
        pairs = (
            ("window", windowed, masked),
            ("chunks", windowed, banded),
            ("causal", unbounded, causal),
        )
        for what, subject, rival in pairs:
            for part, left, right in zip(PARTS, run(subject), run(rival), strict=True):
                require_close(f"{what}: {part}", left, right, TOLERANCE)

    scores = live_scores(length, window) / length * shape[1]
    rivals = [Contender("torch is_causal", lambda: run(causal), num_tokens)]
    if window is not None:
        rivals.append(Contender("torch in chunks", lambda: run(banded), num_tokens))
    with one_torch_thread():
        yield Contest(
            Contender("attention cpu", lambda: run(windowed), num_tokens),
            tuple(rivals),
            check,
            matrix_product(scores * head_dim * OPERATIONS_PER_SCORE_AND_CHANNEL),
        )


PARTS = ("out", "dq", "dk", "dv")


def band(length: int, window: int | None) -> Tensor:
    """bool `[T, T]`: whether the query (row) sees the key (column)."""
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    return causal if window is None else causal.triu(1 - window)


def live_scores(length: int, window: int | None) -> int:
    """Query-key pairs of one head and one sequence that the window leaves."""
    reach = length if window is None else min(window, length)
    return reach * (reach + 1) // 2 + (length - reach) * reach
