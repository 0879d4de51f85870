import pytest
import torch
from attention_cases import (
    TOLERANCE,
    assert_equals_float64,
    differentiate,
    native,
    random_document_start,
    random_qkv,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast import _native
from adfast.attention import attention, banded_cpu, describe_backend, native_cpu, reference
from adfast.machine import processor

every_instruction_set = pytest.mark.parametrize("instruction_set", processor.instruction_sets())


@every_instruction_set
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("window", [None, 1, 7, 64, 200])
@pytest.mark.parametrize("length", [1, 15, 31, 33, 100, 257, 1000])
def test_native_matches_float64_and_the_banded_twin(length, window, packed, instruction_set):
    heads, kv_heads = ((2, 2), (4, 2), (3, 1))[length % 3]
    q, k, v = random_qkv(length, length, batch=2, heads=heads, kv_heads=kv_heads)
    starts = random_document_start(length, length) if packed else None
    assert_equals_float64(native(instruction_set), q, k, v, window=window, starts=starts)
    found = differentiate(native(instruction_set), q, k, v, window=window, starts=starts)
    twin = differentiate(banded_cpu.attention, q, k, v, window=window, starts=starts)
    for one, other in zip(found, twin, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE)


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(1, 150),
    window=st.none() | st.integers(1, 160),
    groups=st.integers(1, 3),
    kv_heads=st.integers(1, 3),
    head_dim=st.sampled_from([1, 3, 8, 16, 24, 32, 64, 100, 128]),
    document=st.none() | st.integers(1, 60),
    instruction_set=st.sampled_from(processor.instruction_sets()),
    seed=st.integers(0, 1000),
)
def test_native_matches_float64_for_any_shape(
    length, window, groups, kv_heads, head_dim, document, instruction_set, seed
):
    q, k, v = random_qkv(
        seed, length, heads=groups * kv_heads, kv_heads=kv_heads, head_dim=head_dim
    )
    starts = None if document is None else random_document_start(seed, length, mean=document)
    scale = head_dim**-0.5
    assert_equals_float64(
        native(instruction_set), q, k, v, window=window, starts=starts, scale=scale
    )


@every_instruction_set
@pytest.mark.parametrize("head_dim", [5, 16])
def test_any_memory_layout_is_read_right(head_dim, instruction_set):
    packed = torch.randn(2, 40, 6, head_dim, generator=torch.Generator().manual_seed(0))
    from_projection = [x.transpose(1, 2) for x in packed.split((2, 2, 2), dim=2)]
    head_major = [x.contiguous() for x in from_projection]
    channels_last = [x.transpose(2, 3).contiguous().transpose(2, 3) for x in from_projection]
    broadcast = [x[:1, :1, :, :1].expand(2, 2, 40, head_dim) for x in from_projection]
    for tensors in (from_projection, head_major, channels_last, broadcast):
        assert_equals_float64(native(instruction_set), *tensors, window=9)


@pytest.mark.parametrize("backend", [banded_cpu, native_cpu])
@pytest.mark.parametrize("window", [None, 7])
def test_expanded_gradients_are_read_right(window, backend):
    gradients = []
    for run in (backend.attention, reference.attention):
        leaves = [x.requires_grad_() for x in random_qkv(0, 40)]
        out, _ = run(*leaves, window=window, document_start_BT=None, scale=0.25)
        gradients.append(torch.autograd.grad((out.sum(-1) ** 2).sum(), leaves))
    for found, expected in zip(*gradients, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def poisoned(*shape):
    """float32 memory `[B, T, H, D]` of NaN, between rows of NaN, seen as `[B, H, T, D]`."""
    batch, length, heads, channels = shape
    return torch.full((batch, length + 2, heads, channels), torch.nan)[:, 1:-1].transpose(1, 2)


@every_instruction_set
@pytest.mark.parametrize("head_dim", [5, 16, 64])
@pytest.mark.parametrize("length", [1, 17, 70])
def test_outputs_are_written_whole_and_nothing_beside_them(length, head_dim, instruction_set):
    q, k, v = random_qkv(0, length, heads=4, kv_heads=2, head_dim=head_dim)
    out, d_out, dq = (poisoned(2, length, 4, head_dim) for _ in range(3))
    dk, dv = (poisoned(2, length, 2, head_dim) for _ in range(2))
    d_out.copy_(q)
    lse = torch.full((2, 4, length), torch.nan)
    options = (None, 9, 0.25)
    inputs = [x.numpy() for x in (q, k, v)]
    _native.attention_forward(instruction_set, *inputs, *options, out.numpy(), lse.numpy())
    rest = [x.numpy() for x in (out, lse, d_out, dq, dk, dv)]
    _native.attention_backward(instruction_set, *inputs, *options, *rest)
    for written in (out, lse, dq, dk, dv):
        assert torch.isfinite(written).all()
    for written in (out, dq, dk, dv):
        memory = torch.as_strided(
            written,
            (2, length + 2, written.shape[1], head_dim),
            (written.stride(0), written.stride(2), written.stride(1), 1),
            written.storage_offset() - written.stride(2),
        )
        assert memory[:, 0].isnan().all()
        assert memory[:, -1].isnan().all()


@every_instruction_set
def test_an_empty_batch_is_no_work(instruction_set):
    nothing = torch.empty(0, 2, 5, 16).numpy()
    lse = torch.empty(0, 2, 5).numpy()
    options = (None, 5, 0.25)
    _native.attention_forward(instruction_set, *[nothing] * 3, *options, nothing, lse)
    _native.attention_backward(
        instruction_set, *[nothing] * 3, *options, nothing, lse, *[nothing] * 4
    )


@every_instruction_set
@pytest.mark.parametrize("window", [None, 64])
def test_native_repeats_bit_for_bit(window, instruction_set):
    tensors = random_qkv(0, 300)
    runs = [differentiate(native(instruction_set), *tensors, window=window) for _ in range(2)]
    assert all(map(torch.equal, *runs))


@every_instruction_set
@pytest.mark.parametrize("window", [None, 10])
def test_a_row_does_not_depend_on_the_rest_of_the_batch(window, instruction_set):
    tensors = random_qkv(0, 90, batch=3)
    run = native(instruction_set)
    whole = run(*tensors, window=window, document_start_BT=None, scale=0.25)
    alone = run(*(x[1:2] for x in tensors), window=window, document_start_BT=None, scale=0.25)
    for batched, single in zip(whole, alone, strict=True):
        assert torch.equal(batched[1:2], single)


def test_values_are_laid_out_as_the_next_projection_reads_them():
    out = attention(*random_qkv(0, 20))
    assert out.transpose(1, 2).is_contiguous()


def test_the_path_is_named():
    fastest = f"cpu (native-{processor.instruction_set()})"
    assert describe_backend("auto", "cpu", torch.float32, 128) == fastest
    assert describe_backend("cpu", "cpu", torch.float32, 1) == fastest
    assert describe_backend("auto", "cpu", torch.float64, 16) == "banded"
    assert describe_backend("auto", "cpu", torch.float32, 129) == "banded"
    assert describe_backend("reference", "cpu", torch.float32, 16) == "reference"


@pytest.mark.parametrize(("dtype", "head_dim"), [(torch.float64, 16), (torch.float32, 129)])
def test_what_native_does_not_take_is_computed_by_the_banded_backend(dtype, head_dim):
    q, k, v = random_qkv(0, 40, head_dim=head_dim, dtype=dtype)
    out, _ = banded_cpu.attention(q, k, v, window=9, document_start_BT=None, scale=head_dim**-0.5)
    assert torch.equal(attention(q, k, v, window=9), out)


def wrong(**changes):
    """Arguments of `_native.attention_forward` for `[1, 2, 8, 16]`, with some replaced."""
    q = torch.zeros(1, 2, 8, 16).numpy()
    arguments = {
        "instruction_set": "portable", "q": q, "k": q, "v": q, "document_start": None,
        "window": 8, "scale": 0.25, "out": q.copy(), "lse": q[..., 0].copy(),
    }  # fmt: skip
    return arguments | changes


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"instruction_set": "abacus"}, "no such instruction set"),
        ({"window": 0}, "window must be at least 1"),
        ({"k": torch.zeros(1, 2, 9, 16).numpy()}, r"must be float32 \[B, H, T, D\]"),
        ({"k": torch.zeros(1, 2, 7, 16).numpy()}, "as many keys as queries, or more"),
        ({"v": torch.zeros(1, 2, 8, 16).double().numpy()}, r"must be float32 \[B, H, T, D\]"),
        ({"k": torch.zeros(1, 3, 8, 16).numpy()}, "multiple of key heads"),
        ({"k": torch.zeros(1, 0, 8, 16).numpy()}, "multiple of key heads"),
        ({"q": torch.zeros(1, 2, 8, 32).numpy()[..., ::2]}, "channels must be adjacent"),
        ({"q": torch.zeros(1, 2, 8, 129).numpy()}, "head dim is out of range"),
        ({"lse": torch.zeros(1, 2, 7).numpy()}, "lse must be contiguous"),
        ({"document_start": torch.zeros(1, 8).long().numpy()}, "contiguous int32"),
    ],
)
def test_the_extension_refuses_what_would_leave_its_memory(changes, rule):
    with pytest.raises(ValueError, match=rule):
        _native.attention_forward(**wrong(**changes))
