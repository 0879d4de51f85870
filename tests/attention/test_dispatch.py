import numpy as np
import pytest
import torch
from attention_cases import random_document_start, random_qkv

from adfast.attention import attention, packed_attention
from adfast.errors import InvalidArgument


@pytest.mark.parametrize("num_kv_heads", [1, 2])
def test_packed_attention_is_attention_of_the_parts(num_kv_heads):
    projected = torch.randn(2, 9, 2 + 2 * num_kv_heads, 16)
    q, k, v = (x.transpose(1, 2) for x in projected.split((2, num_kv_heads, num_kv_heads), dim=2))
    starts = random_document_start(2, 9)
    expected = attention(q, k, v, window=4, document_start=starts, scale=0.7)
    out = packed_attention(projected, 2, window=4, document_start=starts, scale=0.7)
    assert out.equal(expected.transpose(1, 2))


@pytest.mark.parametrize("shape", [(2, 9, 7, 16), (2, 9, 3, 16), (2, 9, 4, 16), (9, 6, 16)])
def test_heads_that_do_not_pack_are_refused(shape):
    with pytest.raises(
        InvalidArgument, match=r"\[B, T, H \+ 2 H_kv, D\], got .* with 4 query heads"
    ):
        packed_attention(torch.zeros(shape), 4)


Q, K, V = random_qkv(0, 6)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((Q[0], K, V), {}, r"needs q \[B, H, T, D\]"),
        ((Q, K, V[:, :1]), {}, "k, v .* of one shape"),
        ((Q, K[:, :, :5], V[:, :, :5]), {}, "every query needs the key of its own token"),
        ((Q[..., :8], K, V), {}, "agree in batch and channels"),
        ((Q[:, :, :0], K[:, :, :0], V[:, :, :0]), {}, "at least one of every axis"),
        ((Q[:, :1], K, V), {}, "multiple of that of key heads"),
        ((Q, K.double(), V), {}, "share one dtype"),
        ((Q.long(), K.long(), V.long()), {}, "share one dtype of float16"),
        ((Q, K.to("meta"), V), {}, "must be on one device"),
        ((Q, K, V), {"window": 0}, "attention window must be an integer of at least 1, got 0"),
        ((Q, K, V), {"logit_bound": -1.0}, "logit_bound must be positive"),
    ],
)
def test_bad_arguments_are_refused(arguments, options, message):
    with pytest.raises(InvalidArgument, match=message):
        attention(*arguments, **options)


def test_bad_document_starts_are_refused():
    starts = random_document_start(0, 6, mean=2)
    for wrong, message in (
        (starts.long(), r"int32 \(2, 6\)"),
        (starts[:, :5], r"int32 \(2, 6\)"),
        (starts.to("meta"), "must be on cpu"),
        (torch.tensor([[0, 1, 0, 0, 0, 0]] * 2).int(), "must not decrease"),
        (torch.tensor([[0, 2, 2, 2, 2, 2]] * 2).int(), "a query sees itself"),
        (torch.tensor([[-1, 0, 0, 0, 0, 0]] * 2).int(), "a query sees itself"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            attention(Q, K, V, document_start=wrong)


@pytest.mark.parametrize("scale", [np.uint64(2), -(2**70), np.float32(0.25)])
def test_scale_of_any_kind_of_number_is_the_real_number(scale):
    given = attention(Q, K, V, scale=scale, backend="reference")
    torch.testing.assert_close(given, attention(Q, K, V, scale=float(scale), backend="reference"))


@pytest.mark.parametrize("backend", ["reference", "banded", "cpu"])
def test_scale_defaults_to_one_over_the_root_of_the_channels(backend):
    torch.testing.assert_close(
        attention(Q, K, V, backend=backend), attention(Q, K, V, scale=0.25, backend=backend)
    )


@pytest.mark.parametrize("num_kv_heads", [1, 2])
def test_packed_gradient_is_that_of_the_parts_whatever_one_token_holds(num_kv_heads):
    generator = torch.Generator().manual_seed(0)
    projected = torch.randn(2, 40, 2 + 2 * num_kv_heads, 8, generator=generator)
    for value in (0.0, torch.inf):
        projected[0, 25] = value
        leaf = projected.clone().requires_grad_()
        whole = packed_attention(leaf, 2, window=9)
        parts = (x.transpose(1, 2) for x in leaf.split((2, num_kv_heads, num_kv_heads), 2))
        single = attention(*parts, window=9).transpose(1, 2)
        torch.testing.assert_close(whole, single, rtol=0, atol=0, equal_nan=True)
        seen = whole[:, :20], single[:, :20]  # before the token
        gradients = [torch.autograd.grad(out.square().sum(), leaf)[0] for out in seen]
        torch.testing.assert_close(*gradients, rtol=0, atol=0, equal_nan=True)
