"""Sums of rows and their gradient are those of plain look-ups."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from adfast import _native
from adfast.models.layers.summed_rows import plain_sum_rows, sum_rows
from models.layer_cases import (
    assert_equals_float64,
    random_tensors,
)


@pytest.mark.parametrize("width", [1, 5, 16, 33, 64])
@pytest.mark.parametrize(("sums", "parts"), [(1, 1), (100, 7), (37, 3)])
def test_sums_and_gradient_match_float64(sums, parts, width, forced):
    (table,) = random_tensors(sums, (11, width))
    rows = torch.randint(0, 11, (sums, parts), generator=torch.Generator().manual_seed(width))

    def looked_up(table):
        return F.embedding(rows, table).sum(-2)

    for plain in (looked_up, lambda table: plain_sum_rows(table, rows)):
        assert_equals_float64(lambda table: sum_rows(table, rows), plain, [table])


def test_any_axes_and_strides_are_taken():
    (table,) = random_tensors(0, (9, 6))
    rows = torch.randint(0, 9, (5, 4, 3), generator=torch.Generator().manual_seed(0))
    for some in (rows, rows[:, ::2], rows.transpose(0, 1), rows[..., :2], rows[:0]):
        torch.testing.assert_close(sum_rows(table, some), F.embedding(some, table).sum(-2))


@pytest.mark.parametrize(("batch", "time", "parts"), [(1, 1, 1), (3, 50, 7), (2, 0, 3)])
def test_counted_rows_give_the_sums_and_the_gradient_but_for_rounding(batch, time, parts):
    table, d_sum = random_tensors(batch, (11, 6), (batch, time, 6))
    table.requires_grad_()
    shape = (batch, time, parts)
    rows = torch.randint(0, 11, shape, generator=torch.Generator().manual_seed(0))
    expected = F.embedding(rows, table).sum(-2)
    summed = sum_rows(table, rows, counts=True)
    assert torch.equal(summed, expected)
    (exact,) = torch.autograd.grad(expected, table, d_sum)
    (found,) = torch.autograd.grad(summed, table, d_sum)
    assert (found - exact).norm() <= 2**-8 * exact.norm()


@pytest.mark.parametrize("row", [-1, 9])
def test_a_row_outside_the_table_is_refused(row):
    table, out = np.zeros((9, 4), np.float32), np.zeros((1, 4), np.float32)
    with pytest.raises(ValueError, match="not in the table"):
        _native.sum_rows("portable", table, np.array([[0, row]]), out)
    with pytest.raises(ValueError, match="not in the table"):
        _native.add_rows("portable", out, np.array([[row]]), table)
