"""A product, what it is added to, and its gradients, whichever side of the weight is longer."""

import pytest
import torch

from adfast.models.layers.linear import linear, zero_gradient
from models.layer_cases import assert_equals_float64, random_tensors


def plain(x, weight, onto=0.0):
    return x @ weight.T + onto


@pytest.mark.parametrize("with_onto", [False, True])
@pytest.mark.parametrize(("rows", "columns"), [(3, 8), (8, 3), (5, 5), (1, 40)])
def test_product_and_gradients_match_float64(rows, columns, with_onto):
    tensors = random_tensors(rows, (50, columns), (rows, columns), (50, rows))
    assert_equals_float64(linear, plain, tensors[: 3 if with_onto else 2])


def test_any_axes_and_strides_are_taken():
    x, weight, onto = random_tensors(0, (8, 3, 4), (6, 8), (4, 3, 6))
    arguments = x.permute(1, 2, 0), weight, onto.transpose(0, 1)
    torch.testing.assert_close(linear(*arguments), plain(*arguments), rtol=1e-5, atol=1e-5)


def test_a_parameters_gradient_has_the_parameters_layout():
    x, weight = random_tensors(1, (20, 4), (9, 4))
    linear(x, weight).sum().backward()
    assert weight.grad.is_contiguous()
    assert not zero_gradient(weight).is_contiguous()
