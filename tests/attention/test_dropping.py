"""Attention that drops weights: without dropping the definition, with it right on average."""

import pytest
import torch

from adfast.attention import attention, attention_dropping


def heads(*shape):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(*shape, generator=generator, dtype=torch.float64) for _ in range(3)]


@pytest.mark.parametrize("window", [None, 5])
@pytest.mark.parametrize("kv_heads", [4, 2])
def test_without_dropping_it_is_the_definition(window, kv_heads):
    q, k, v = heads(2, 4, 12, 8)
    k, v = k[:, :kv_heads], v[:, :kv_heads]
    start = torch.tensor([[0] * 12, [0] * 4 + [4] * 8], dtype=torch.int32)
    seen = {"window": window, "document_start": start, "scale": 0.3}
    expected = attention(q, k, v, backend="reference", **seen)
    found = attention_dropping(q, k, v, drop=lambda weights: weights, **seen)
    torch.testing.assert_close(found, expected)


def test_what_is_dropped_is_made_up_for_on_average():
    q, k, v = heads(1, 1, 6, 4)
    seen = {"window": None, "document_start": None, "scale": 0.5}
    generator = torch.Generator().manual_seed(1)

    def drop(weights):
        kept = torch.empty_like(weights).bernoulli_(0.5, generator=generator)
        return weights * kept / 0.5

    many = torch.stack([attention_dropping(q, k, v, drop=drop, **seen) for _ in range(4000)])
    expected = attention_dropping(q, k, v, drop=lambda weights: weights, **seen)
    torch.testing.assert_close(many.mean(0), expected, atol=0.08, rtol=0)
