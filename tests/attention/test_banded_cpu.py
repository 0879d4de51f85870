import pytest
import torch
from attention_cases import (
    assert_equals_float64,
    differentiate,
    random_document_start,
    random_qkv,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast.attention import attention, banded_cpu


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("window", [None, 1, 7, 64, 256])
@pytest.mark.parametrize("length", [1, 31, 33, 100, 257, 1000])
def test_banded_matches_float64_for_ragged_lengths(length, window, packed):
    heads, kv_heads = ((2, 2), (4, 2), (3, 1))[length % 3]
    q, k, v = random_qkv(length, length, batch=2, heads=heads, kv_heads=kv_heads)
    starts = random_document_start(length, length) if packed else None
    assert_equals_float64(banded_cpu.attention, q, k, v, window=window, starts=starts)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 150),
    window=st.none() | st.integers(1, 160),
    groups=st.integers(1, 3),
    kv_heads=st.integers(1, 3),
    head_dim=st.sampled_from([1, 3, 8, 24, 64]),
    document=st.none() | st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_banded_matches_float64_for_any_shape(
    length, window, groups, kv_heads, head_dim, document, seed
):
    q, k, v = random_qkv(
        seed, length, heads=groups * kv_heads, kv_heads=kv_heads, head_dim=head_dim
    )
    starts = None if document is None else random_document_start(seed, length, mean=document)
    assert_equals_float64(banded_cpu.attention, q, k, v, window=window, starts=starts)


@pytest.mark.parametrize("window", [None, 7])
def test_any_memory_layout_is_read_right(window):
    channels_last = [x.transpose(2, 3).contiguous().transpose(2, 3) for x in random_qkv(0, 40)]
    assert_equals_float64(banded_cpu.attention, *channels_last, window=window)
    every_second_channel = [x[..., ::2] for x in random_qkv(0, 40)]
    assert_equals_float64(banded_cpu.attention, *every_second_channel, window=window)
    broadcast = [x[..., :1].expand(-1, -1, -1, 16) for x in random_qkv(0, 40)]
    assert_equals_float64(banded_cpu.attention, *broadcast, window=window)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_as_close_as_its_own_rounding(dtype):
    q, k, v = random_qkv(0, 100, dtype=dtype)
    expected = attention(q.double(), k.double(), v.double(), window=9, backend="reference")
    found = attention(q, k, v, window=9)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_log_sum_exp_carries_no_gradient():
    q, k, v = (x.requires_grad_() for x in random_qkv(0, 20))
    for backend in ("auto", "banded", "reference"):
        for dtype in (torch.float32, torch.float64):
            leaves = (x.to(dtype) for x in (q, k, v))
            out, lse = attention(*leaves, return_lse=True, backend=backend)
            assert out.requires_grad
            assert not lse.requires_grad


def test_gradients_are_bit_equal_from_run_to_run():
    tensors = random_qkv(0, 300)
    runs = [differentiate(banded_cpu.attention, *tensors, window=64) for _ in range(2)]
    assert all(map(torch.equal, *runs))
