"""Attention over 10^5 tokens is as exact as over a hundred."""

import pytest
import torch
from attention_cases import TOLERANCE, differentiate, random_document_start, random_qkv

from adfast.attention import native_cpu, reference

WINDOW = 256


@pytest.mark.parametrize("packed", [False, True])
def test_attention_is_exact_at_a_hundred_thousand_tokens(packed):
    """At the end and in the middle, where all is seen and sees within a slice of the sequence."""
    length, slack = 100_003, 600
    tensors = random_qkv(0, length, batch=1, heads=1, kv_heads=1)
    starts = random_document_start(0, length, batch=1, mean=100) if packed else None
    d_out = torch.randn(tensors[0].shape, generator=torch.Generator().manual_seed(9))
    found = differentiate(native_cpu.attention, *tensors, window=WINDOW, starts=starts)
    for last in (65_551, length):
        near = slice(last - slack, last)
        leaves = [x[:, :, near].double().requires_grad_() for x in tensors]
        begins = None if starts is None else (starts[:, near] - near.start).clamp(min=0)
        out, lse = reference.attention(*leaves, window=WINDOW, document_start_BT=begins, scale=0.25)
        gradients = torch.autograd.grad(out, leaves, d_out[:, :, near].double())
        # Later queries see the last keys of a slice within the sequence, earlier keys its first.
        sure = slice(near.start + WINDOW, last if last == length else last - WINDOW)
        own = slice(sure.start - near.start, sure.stop - near.start)
        for one, other in zip(found, (out, lse, *gradients), strict=True):
            torch.testing.assert_close(
                one[:, :, sure].double(), other[:, :, own], rtol=0, atol=TOLERANCE
            )
