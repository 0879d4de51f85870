"""SummedRows: sums of rows of one table, with a gradient that is fast on a CPU.

Axes: M sums, F rows of each.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from adfast import _native
from adfast.machine import processor
from adfast.models.native_layers import computes_natively, memory


def sum_rows(table: Tensor, rows: Tensor) -> Tensor:
    """`[..., width]`: the sums of the table's rows `[..., F]`."""
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
