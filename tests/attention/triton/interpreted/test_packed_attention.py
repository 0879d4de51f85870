"""Attention of a whole projection is that of its parts, its gradient too, in one piece."""

import pytest
import torch
from test_triton_attention import random_inputs

from adfast.attention import triton as kernels
from adfast.attention.triton import tiles
from adfast.attention.triton.operator import packed_operator

OPTIONS = {"window": 30, "scale": 0.25, "logit_bound": None}


@pytest.mark.parametrize(
    ("heads", "documents", "deterministic", "dtype"),
    [
        ((2, 2), True, True, torch.float32),
        pytest.param((4, 2), False, True, torch.bfloat16, marks=pytest.mark.thorough),
        ((3, 1), True, False, torch.bfloat16),
    ],
)
def test_packed_attention_is_that_of_the_parts(heads, documents, deterministic, dtype, monkeypatch):
    monkeypatch.setattr(tiles, "SHORT_WINDOW", 0)  # so that the fused backward runs if it may
    q, k, v, d_out, starts = random_inputs(70, heads, 16, documents, dtype)
    options = OPTIONS | {"document_start_BT": starts, "deterministic": deterministic}
    apart = [x.detach().requires_grad_() for x in (q, k, v)]
    expected, _ = kernels.attention(*apart, **options)
    expected.backward(d_out)
    projected = torch.cat([x.transpose(1, 2) for x in (q, k, v)], dim=2).requires_grad_()
    out = kernels.packed_attention(projected, heads[0], **options)
    out.backward(d_out)
    assert out.equal(expected)
    assert projected.grad.is_contiguous()
    assert projected.grad.equal(torch.cat([x.grad.transpose(1, 2) for x in apart], dim=2))


def test_packed_operator_passes_the_checks_of_torch():
    projected = torch.randn(1, 20, 4, 16, requires_grad=True)
    starts = torch.zeros(1, 20, dtype=torch.int32)
    torch.library.opcheck(packed_operator, (projected, 2, starts, 7, 0.25, None, True))
