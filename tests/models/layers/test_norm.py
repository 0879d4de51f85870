"""The kernel of the norm is torch's layer norm, and the stream beside it loses no gradient."""

import pytest
import torch

from adfast import _native
from adfast.models.layers.norm import plain_norm, with_norm
from models.layer_cases import (
    assert_equals_float64,
    random_tensors,
)


def layer_norm(weight):
    """A LayerNorm whose weight is the tensor itself, so that its gradient is found."""
    norm = torch.nn.LayerNorm(len(weight), bias=False, dtype=weight.dtype)
    del norm.weight
    norm.weight = weight
    return norm


def both(function):
    """Stream and normalised form, weighted so that their gradients differ."""

    def run(x, weight):
        stream, normal = function(x, layer_norm(weight))
        return 2 * stream + normal

    return run


def plain(x, norm):
    return x, plain_norm(x, norm)


@pytest.mark.parametrize("width", [1, 3, 16, 24, 64, 100])
@pytest.mark.parametrize("rows", [1, 31, 100])
def test_stream_and_normal_match_float64(rows, width, forced):
    tensors = random_tensors(rows, (rows, width), (width,))
    if width == 1:  # what is normalised is zero, and its gradient rounding: compare the values
        torch.testing.assert_close(both(with_norm)(*tensors), both(plain)(*tensors))
    else:
        assert_equals_float64(both(with_norm), both(plain), tensors)


@pytest.mark.parametrize("offset", [0.0, 100.0, -1e4])
def test_a_level_cancels(offset, forced):
    x, weight = random_tensors(0, (20, 64), (64,))
    shifted = (x.detach() + offset).requires_grad_()
    assert_equals_float64(both(with_norm), both(plain), [shifted, weight], tolerance=1e-4)


@pytest.mark.parametrize("used", ["stream", "normal"])
def test_either_may_be_unused(used):
    x, weight = random_tensors(1, (4, 8), (8,))
    found = [with_norm(x, layer_norm(weight)), plain(x, layer_norm(weight))]
    which = ("stream", "normal").index(used)
    for one in found:
        assert torch.isfinite(one[which]).all()
    gradients = [
        torch.autograd.grad(one[which].square().sum(), (x, weight), allow_unused=True)
        for one in found
    ]
    for one, other in zip(*gradients, strict=True):
        if other is None:
            assert one is None
        else:
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_any_axes_and_strides_are_taken():
    x, weight = random_tensors(2, (8, 3, 5), (8,))
    strided = x.permute(1, 2, 0)
    stream, normal = with_norm(strided, layer_norm(weight))
    assert stream.shape == normal.shape == (3, 5, 8)
    expected = plain_norm(strided, layer_norm(weight))
    torch.testing.assert_close(normal, expected, rtol=1e-5, atol=1e-5)
    wide = random_tensors(3, (3, 5, 16))[0][..., ::2]
    torch.testing.assert_close(
        with_norm(wide, layer_norm(weight))[1], plain_norm(wide, layer_norm(weight))
    )


def test_no_rows_are_no_work():
    x, weight = random_tensors(0, (0, 4), (4,))
    value = both(with_norm)(x, weight)
    d_weight = torch.autograd.grad(value.sum(), weight)[0]
    assert value.shape == (0, 4)
    assert torch.equal(d_weight, torch.zeros(4))


def test_a_row_that_is_not_finite_stays_alone(forced):
    x, weight = random_tensors(4, (5, 20), (20,))
    with torch.no_grad():
        x[2, 3] = torch.nan
    normal = with_norm(x, layer_norm(weight))[1]
    assert normal[2].isnan().all()
    assert torch.isfinite(normal[[0, 1, 3, 4]]).all()


def test_outputs_are_written_whole():
    x, weight = (tensor.detach().numpy() for tensor in random_tensors(5, (7, 19), (19,)))
    out, statistics = torch.full((7, 19), torch.nan), torch.full((7, 2), torch.nan)
    _native.normalise("portable", x, weight, 1e-5, out.numpy(), statistics.numpy())
    assert torch.isfinite(out).all()
    assert torch.isfinite(statistics).all()
