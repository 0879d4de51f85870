"""Queries of the last tokens alone: they get what they get among all, and so do the keys."""

import pytest
import torch
from attention_cases import TOLERANCE, differentiate, native, random_document_start, random_qkv

from adfast.attention import attention, attention_dropping, banded_cpu, reference
from adfast.errors import InvalidArgument
from adfast.machine import processor

BACKENDS = {
    "reference": reference.attention,
    "banded": banded_cpu.attention,
    **{name: native(name) for name in processor.instruction_sets()},
}
every_backend = pytest.mark.parametrize("backend", BACKENDS)


def beside_the_whole(run, tensors, prefix, window, starts, held=0.0):
    """Of the last queries alone, and of the definition for all: out, lse and three gradients."""
    q, k, v = (x.clone() for x in tensors)
    v[0, 0, prefix // 2] += held
    late = None if starts is None else starts[:, prefix:].contiguous()
    found = differentiate(run, q[:, :, prefix:], k, v, window=window, starts=late)

    def whole(q, k, v, **options):
        out, lse = reference.attention(q, k, v, **options | {"document_start_BT": starts})
        return out[:, :, prefix:], lse[:, :, prefix:]

    d_out = torch.randn(found[0].shape, generator=torch.Generator().manual_seed(9))
    leaves = [x.double().requires_grad_() for x in (q, k, v)]
    out, lse = whole(*leaves, window=window, scale=0.25)
    dq, dk, dv = torch.autograd.grad(out, leaves, d_out.double())
    return found, (out, lse, dq[:, :, prefix:], dk, dv)


@every_backend
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("window", [None, 1, 20])
@pytest.mark.parametrize(
    ("length", "prefix", "head_dim"), [(100, 37, 16), (81, 80, 5), (140, 64, 32)]
)
def test_the_last_queries_alone_see_what_they_see_among_all(
    length, prefix, head_dim, window, packed, backend
):
    tensors = random_qkv(length, length, heads=4, kv_heads=2, head_dim=head_dim)
    starts = random_document_start(length, length, mean=30) if packed else None
    found, expected = beside_the_whole(BACKENDS[backend], tensors, prefix, window, starts)
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one.double(), other, rtol=0, atol=TOLERANCE)


@every_backend
@pytest.mark.parametrize("window", [None, 20])
def test_what_is_not_finite_reaches_who_sees_it_and_nobody_else(window, backend):
    tensors = random_qkv(0, 90, heads=4, kv_heads=2)
    found, _ = beside_the_whole(BACKENDS[backend], tensors, 40, window, None, torch.nan)
    clean, _ = beside_the_whole(BACKENDS[backend], tensors, 40, window, None)
    sees = torch.zeros(found[0].shape[:3], dtype=torch.bool)
    sees[0, :2] = window is None  # the NaN is 20 tokens before the first query
    assert torch.equal(found[0].isnan().any(-1), sees)
    torch.testing.assert_close(found[0][~sees], clean[0][~sees], rtol=0, atol=1e-6)
    assert found[3][1].isfinite().all()
    assert found[3][0, 1].isfinite().all()
    if backend != "reference":  # autograd has d_out, not out
        assert bool(found[3][0, 0].isfinite().all()) == (window is not None)


def test_dropping_takes_more_keys_too():
    q, k, v = random_qkv(0, 30)
    options = {"window": 9, "scale": 0.25, "drop": lambda weights: weights}
    whole = attention_dropping(q, k, v, document_start=None, **options)
    late = attention_dropping(q[:, :, 12:], k, v, document_start=None, **options)
    torch.testing.assert_close(late, whole[:, :, 12:])


def test_beginnings_of_documents_count_keys():
    q, k, v = random_qkv(0, 6)
    attention(q[:, :, 4:], k, v, document_start=torch.tensor([[4, 5], [0, 5]]).int())
    with pytest.raises(InvalidArgument, match="a query sees itself"):
        attention(q[:, :, 4:], k, v, document_start=torch.tensor([[5, 5], [0, 5]]).int())
    with pytest.raises(InvalidArgument, match=r"int32 \(2, 2\)"):
        attention(q[:, :, 4:], k, v, document_start=torch.zeros(2, 6).int())
