import pytest
import torch

from adfast.attention import triton as kernels
from adfast.attention.triton import tiles
from benchmarks.attention_checks import (
    CASES,
    Case,
    check_operator,
    decoding_error,
    is_deterministic,
    largest_errors,
    longest_error,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("case", CASES, ids=repr)
def test_attention_matches_the_definition_on_gpu(case):
    for name, (error, allowed) in largest_errors(case, "cuda").items():
        assert error <= allowed, name


def test_deterministic_gradients_repeat_bit_for_bit():
    assert is_deterministic("cuda")


def test_operator_passes_the_checks_of_torch_on_gpu():
    check_operator("cuda")


@pytest.mark.parametrize("heads", [(2, 2), (4, 1)])
@pytest.mark.parametrize("window", [64, None])
def test_decode_equals_attention_on_gpu(heads, window):
    assert decoding_error("cuda", heads, window, torch.float32) <= 1e-4
    assert decoding_error("cuda", heads, window, torch.bfloat16) <= 3e-2


@pytest.mark.parametrize("heads", [(2, 2), (4, 1)])
@pytest.mark.parametrize("window", [64, None])
def test_split_decode_equals_attention_on_gpu(heads, window, monkeypatch):
    monkeypatch.setattr(tiles, "decode_splits", lambda num_slots, num_rows: 3)
    assert decoding_error("cuda", heads, window, torch.float32) <= 1e-4


def test_packed_attention_and_its_gradient_are_those_of_the_parts_on_gpu():
    case = Case(1000, 256, 16, heads=(4, 2), documents=True)
    *parts, d_out = case.inputs("cuda")
    options = {
        "window": 256,
        "document_start_BT": case.document_start("cuda"),
        "scale": 0.25,
        "logit_bound": None,
        "deterministic": True,
    }
    apart = [x.detach().requires_grad_() for x in parts]
    expected, _ = kernels.attention(*apart, **options)
    expected.backward(d_out)
    projected = torch.cat([x.transpose(1, 2) for x in parts], dim=2).requires_grad_()
    out = kernels.packed_attention(projected, 4, **options)
    out.backward(d_out)
    assert out.equal(expected)
    assert projected.grad.equal(torch.cat([x.grad.transpose(1, 2) for x in apart], dim=2))


def test_a_million_tokens_are_attended():
    assert longest_error("cuda") <= 3e-2
