"""SummedRows: sums of rows of one table, with a gradient that is fast on a CPU.

Axes: M sums, F rows of each.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class SummedRows(torch.autograd.Function):
    """`[M, width]`: the sum of the table's rows `[M, F]`, one gather for all F blocks.

    The gradient adds to the table block by block, which on a CPU takes less than half of the time
    of `embedding_bag`'s own (it sorts) and a fifth of that of `embedding`, summed.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        """The sums."""
        ctx.save_for_backward(rows)
        ctx.num_rows = len(table)
        return F.embedding_bag(rows, table, mode="sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_sum: Tensor) -> tuple[Tensor, None]:
        """The gradient of the table."""
        (rows,) = ctx.saved_tensors
        d_table = d_sum.new_zeros(ctx.num_rows, d_sum.shape[-1])
        for block in rows.unbind(1):
            d_table.index_add_(0, block, d_sum)
        return d_table, None
