"""Sums of rows of one table, with a gradient that is fast on a CPU, and one that is fast on a card.

Axes: M sums, F rows of each, R rows of the table.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.layers.native_layers import computes_natively, memory


def sum_rows(table: Tensor, rows: Tensor, *, counts: bool = False) -> Tensor:
    """`[..., width]`: the sums of the table's rows `[..., F]`; with `counts` by `CountedRows`."""
    if counts:
        counted: Tensor = CountedRows.apply(table, rows)
        return counted
    if not computes_natively(table):
        return plain_sum_rows(table, rows)
    flat = rows.flatten(0, -2).contiguous()
    summed: Tensor = SummedRows.apply(table, flat, processor.instruction_set())
    return summed.view(*rows.shape[:-1], table.shape[1])


def plain_sum_rows(table: Tensor, rows: Tensor) -> Tensor:
    """The definition of `sum_rows`: plain look-ups for a compiler, which fuses them."""
    if torch.compiler.is_compiling():
        return F.embedding(rows, table).sum(-2)
    bags = F.embedding_bag(rows.flatten(0, -2), table, mode="sum")
    return bags.view(*rows.shape[:-1], table.shape[1])


class SummedRows(torch.autograd.Function):
    """`sum_rows` of contiguous `[M, F]`; the gradient adds up in the order of M."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor, instruction_set: str) -> Tensor:
        """The sums `[M, width]`."""
        ctx.save_for_backward(rows)
        ctx.num_rows, ctx.instruction_set = len(table), instruction_set
        summed = table.new_empty(len(rows), table.shape[1])
        _native.sum_rows(instruction_set, memory(table.contiguous()), memory(rows), memory(summed))
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_sum: Tensor) -> tuple[Tensor, None, None]:
        """The gradient of the table."""
        (rows,) = ctx.saved_tensors
        d_table = d_sum.new_zeros(ctx.num_rows, d_sum.shape[-1])
        _native.add_rows(
            ctx.instruction_set, memory(d_sum.contiguous()), memory(rows), memory(d_table)
        )
        return d_table, None, None


class CountedRows(torch.autograd.Function):
    """`sum_rows`, whose gradient is a product with how often each sum holds each row.

    A look-up's own gradient adds every token to a few rows, all at once, by atomic additions: on a
    card these wait for one another. The product is on its tensor cores, in bfloat16 as those of the
    blocks are, and repeats bit for bit. It takes R numbers of 16 bits for each token.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        """The sums `[B, T, width]` of rows `[B, T, F]`."""
        ctx.save_for_backward(rows)
        ctx.num_rows = table.shape[0]
        return F.embedding(rows, table).sum(-2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_sum: Tensor) -> tuple[Tensor, None]:
        """The gradient of the table; what sequences add to it is summed in float32."""
        (rows,) = ctx.saved_tensors
        numbers = torch.arange(ctx.num_rows, device=rows.device)
        counts = (rows[..., None] == numbers).sum(-2).to(torch.bfloat16)
        return (counts.mT @ d_sum.to(torch.bfloat16)).float().sum(0), None
