import pytest
import torch
from attention_cases import differentiate, native, random_qkv
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast.attention import banded_cpu, native_cpu, reference
from adfast.machine import processor

every_instruction_set = pytest.mark.parametrize("instruction_set", processor.instruction_sets())


@every_instruction_set
@pytest.mark.parametrize("size", [1.0, 100.0, 1e4])
def test_large_logits_neither_overflow_nor_underflow(size, instruction_set):
    q, k, v = random_qkv(0, 70)
    results = differentiate(native(instruction_set), q * size, k, v)
    expected = differentiate(reference.attention, q * size, k, v, dtype=torch.float64)
    for found, wanted in zip(results, expected, strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=2e-6 * size, atol=2e-5 * size)


@every_instruction_set
@pytest.mark.parametrize("head_dim", [16, 20])
@pytest.mark.parametrize("logit", [-1e4, -300.0, -60.0, -20.0, 40.0, 60.0, 90.0, 300.0, 1e4])
def test_weights_are_precise_at_any_level_of_the_logits(logit, head_dim, instruction_set):
    """All logits near `logit`: their level must cancel, whether or not the maxima are taken out."""
    q, k, v = random_qkv(0, 70, head_dim=head_dim)
    q[..., 0], k[..., 0] = logit, 1.0
    q[..., 1:] *= 0.1
    options = {"window": 40, "scale": 1.0}
    expected = differentiate(reference.attention, q, k, v, dtype=torch.float64, **options)
    found = differentiate(native(instruction_set), q, k, v, **options)
    of_torch = differentiate(banded_cpu.attention, q, k, v, **options)
    for one, other, exact in zip(found, of_torch, expected, strict=True):
        # Large logits are rounded in another order: three times the error of torch at most.
        allowed = 3 * (other - exact).abs().max() + 1e-5 * exact.abs().max()
        assert (one - exact).abs().max() <= allowed


@every_instruction_set
def test_one_row_with_large_logits_leaves_the_others_as_they_are(instruction_set):
    tensors = random_qkv(0, 100, batch=3)
    tensors[0][1] *= 1e3
    run = native(instruction_set)
    whole = run(*tensors, window=None, document_start_BT=None, scale=0.25)
    alone = run(*(x[2:] for x in tensors), window=None, document_start_BT=None, scale=0.25)
    for batched, single in zip(whole, alone, strict=True):
        assert torch.equal(batched[2:], single)


@every_instruction_set
@pytest.mark.parametrize("size", [1e-30, 1e15, 1e25, 1e30])
def test_values_of_any_size_are_averaged(size, instruction_set):
    q, k, v = random_qkv(0, 70)
    q[..., 0], k[..., 0] = 25.0, 1.0  # weights of e^25, were they not divided first
    out, _ = native(instruction_set)(q, k, v * size, window=None, document_start_BT=None, scale=1.0)
    expected, _ = reference.attention(
        q.double(), k.double(), v.double(), window=None, document_start_BT=None, scale=1.0
    )
    torch.testing.assert_close(out.double() / size, expected, rtol=0, atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(x=st.floats(-20, 20), y=st.floats(-20, 20))
def test_weights_are_those_of_the_exponential(x, y):
    """Two keys: the log-sum-exp and the share of each, against float64."""
    q = torch.ones(1, 1, 2, 1)
    k = torch.tensor([x, y], dtype=torch.float32).view(1, 1, 2, 1)
    v = torch.tensor([0.0, 1.0]).view(1, 1, 2, 1)
    out, lse = native_cpu.attention(q, k, v, window=None, document_start_BT=None, scale=1.0)
    logits = k.double().flatten()
    torch.testing.assert_close(out[0, 0, 1, 0].double(), logits.softmax(0)[1], rtol=4e-6, atol=0)
    torch.testing.assert_close(lse[0, 0, 1].double(), logits.logsumexp(0), rtol=5e-7, atol=1e-6)
