"""The feed-forward branch in chunks is the plain one, and its GELU the exact one."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from adfast import _native
from adfast.machine import processor
from adfast.models.layers.feed_forward import (
    FeedForward,
    feed_forward,
    plain_feed_forward,
    rows_of_a_chunk,
)
from models.layer_cases import (
    assert_equals_float64,
    differentiate,
    every_instruction_set,
    random_tensors,
)

GELU_TOLERANCE = 4e-7  # of float32 against float64; torch's own reaches 1.2e-6


def exact_gelu(x):
    """GELU and its derivative in float64."""
    x = torch.from_numpy(x).double().requires_grad_()
    value = F.gelu(x)
    return value.detach().numpy(), torch.autograd.grad(value.sum(), x)[0].numpy()


@every_instruction_set
@pytest.mark.parametrize("count", [0, 1, 3, 16, 31, 33, 4001])
def test_gelu_and_its_derivative_are_exact(count, instruction_set):
    x = np.linspace(-14, 14, count, dtype=np.float32)
    value, slope = exact_gelu(x)
    out, gradient = np.full_like(x, np.nan), np.full_like(x, 2.0)
    _native.gelu(instruction_set, x, out)
    np.testing.assert_allclose(out, value, rtol=0, atol=GELU_TOLERANCE)
    out[:] = np.nan
    _native.gelu_backward(instruction_set, x, out, gradient)
    np.testing.assert_allclose(out, value, rtol=0, atol=GELU_TOLERANCE)
    np.testing.assert_allclose(gradient, 2 * slope, rtol=0, atol=2 * GELU_TOLERANCE)


@every_instruction_set
def test_gelu_is_precise_near_zero_and_in_its_tail(instruction_set):
    x = np.concatenate([-np.logspace(-20, 0.6, 500), np.logspace(-20, 4, 500)]).astype(np.float32)
    out = np.empty_like(x)
    _native.gelu(instruction_set, x, out)
    np.testing.assert_allclose(out, exact_gelu(x)[0], rtol=1e-6, atol=2e-8)
    moderate = x > -2
    np.testing.assert_allclose(out[moderate], exact_gelu(x)[0][moderate], rtol=2e-6)


@every_instruction_set
def test_gelu_of_what_is_not_a_finite_number(instruction_set):
    x = np.array([np.nan, np.inf, -np.inf, 3e38, -3e38], np.float32)
    out, gradient = np.empty_like(x), np.ones_like(x)
    _native.gelu_backward(instruction_set, x, out, gradient)
    assert np.isnan(out[0])
    assert np.isnan(gradient[0])
    assert out[1] == np.inf
    np.testing.assert_allclose(out[2:], [0, 3e38, 0], atol=1e-20)
    np.testing.assert_allclose(gradient[1:], [1, 0, 1, 0], atol=1e-20)


@pytest.mark.parametrize("with_onto", [False, True])
@pytest.mark.parametrize(
    ("rows", "width", "hidden"), [(1, 1, 1), (5, 7, 13), (100, 24, 50), (333, 16, 40)]
)
def test_branch_matches_float64(rows, width, hidden, with_onto, forced):
    shapes = [(rows, width), (hidden, width), (width, hidden), (rows, width)]
    tensors = random_tensors(rows, *shapes[: 4 if with_onto else 3])

    def plain(x, into, out_of, onto=0.0):
        return plain_feed_forward(x, into, out_of) + onto

    assert_equals_float64(feed_forward, plain, tensors)


@pytest.mark.parametrize("chunk_bytes", [1, 16 * 4 * 40, 10_000, 1 << 20])
def test_chunks_of_any_size_compute_the_same(chunk_bytes):
    tensors = random_tensors(0, (77, 16), (40, 16), (16, 40), (77, 16))

    def branch(x, into, out_of, onto):
        sets = processor.instruction_sets()
        return FeedForward.apply(x, into, out_of, onto, sets[0], chunk_bytes)

    def plain(x, into, out_of, onto):
        return plain_feed_forward(x, into, out_of) + onto

    assert_equals_float64(branch, plain, tensors)


@pytest.mark.parametrize("num_rows", [1, 15, 16, 17, 6400, 6401])
def test_chunks_are_few_even_and_aligned(num_rows):
    size = rows_of_a_chunk(num_rows, 256, 1 << 20)
    assert size % 16 == 0
    assert 16 <= size <= 1024
    count = -(-num_rows // size)
    assert count == -(-num_rows // 1024)
    assert num_rows - (count - 1) * size > 0


def test_any_axes_and_strides_are_taken():
    x, into, out_of = random_tensors(1, (6, 3, 4), (24, 6), (6, 24))
    strided = [x.permute(1, 2, 0), into, out_of]
    out = feed_forward(*strided)
    assert out.shape == (3, 4, 6)
    torch.testing.assert_close(out, plain_feed_forward(*strided), rtol=1e-5, atol=1e-5)
    transposed = (x.permute(1, 2, 0), random_tensors(2, (6, 24))[0].T, into.T)
    torch.testing.assert_close(
        feed_forward(*transposed), plain_feed_forward(*transposed), rtol=1e-5, atol=1e-5
    )


def test_no_rows_are_no_work():
    tensors = random_tensors(0, (0, 4), (8, 4), (4, 8))
    value, *gradients = differentiate(feed_forward, tensors)
    assert value.shape == (0, 4)
    assert all(float(found.abs().sum()) == 0 for found in gradients)


def test_branch_repeats_bit_for_bit():
    tensors = random_tensors(3, (500, 16), (64, 16), (16, 64))
    assert all(map(torch.equal, *(differentiate(feed_forward, tensors) for _ in range(2))))
