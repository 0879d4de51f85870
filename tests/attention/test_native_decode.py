import numpy as np
import pytest
import torch
from attention_cases import random_qkv
from hypothesis import given, settings
from hypothesis import strategies as st

from adfast import _native
from adfast.attention import KeyValueCache, attention, decode, decode_cpu, native_decode
from adfast.machine import processor

LENGTH = 90
ENVIRONMENTS = 3

every_instruction_set = pytest.mark.parametrize("instruction_set", processor.instruction_sets())


def filled_caches(seed, num_environments, kv_heads, head_dim, window, steps):
    """Two equal caches in bfloat16 with room for `steps`, all slots random."""
    generator = torch.Generator().manual_seed(seed)
    caches = []
    for _ in range(2):
        cache = KeyValueCache(num_environments, kv_heads, head_dim, window, dtype=torch.bfloat16)
        cache.reserve(steps)
        caches.append(cache)
    for name in ("keys", "values"):
        getattr(caches[0], name).normal_(generator=generator)
        getattr(caches[1], name).copy_(getattr(caches[0], name))
    return caches


def assert_same_bits(one, other):
    assert torch.equal(one.view(torch.int16), other.view(torch.int16))


@settings(max_examples=80, deadline=None)
@given(
    window=st.none() | st.integers(1, 70),
    groups=st.integers(1, 3),
    kv_heads=st.integers(1, 3),
    head_dim=st.sampled_from([1, 3, 8, 12, 16, 20, 32, 33, 64, 100, 128]),
    instruction_set=st.sampled_from(processor.instruction_sets()),
    steps=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150)), min_size=1, max_size=4),
    is_in_step=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_native_matches_the_twin_for_any_shape(
    window, groups, kv_heads, head_dim, instruction_set, steps, is_in_step, seed
):
    step = torch.tensor([max(pair) for pair in steps])
    if is_in_step:
        step[:] = step[0]
    start = torch.tensor([min(pair) for pair in steps]).minimum(step)
    num_environments, heads = len(steps), groups * kv_heads
    q, k, v = (
        x[:, :, 0]
        for x in random_qkv(
            seed, 1, batch=num_environments, heads=heads, kv_heads=kv_heads, head_dim=head_dim
        )
    )
    cache, twin = filled_caches(seed, num_environments, kv_heads, head_dim, window, 160)
    options = {"scale": head_dim**-0.5}
    found = native_decode.decode(
        q, k, v, cache, step, start, instruction_set=instruction_set, **options
    )
    expected = decode_cpu.decode(q, k, v, twin, step, start, **options)
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-6)
    assert_same_bits(cache.keys, twin.keys)
    assert_same_bits(cache.values, twin.values)


def stream(q, k, v, window, offset, resets, **options):
    """`[N, H, T, D]` by decode; environment n is at step t + offset[n], `resets` are (t, n)."""
    cache = KeyValueCache(len(q), k.shape[1], q.shape[-1], window, dtype=torch.bfloat16)
    cache.keys.fill_(torch.nan)  # what was never written must never be seen
    cache.values.fill_(torch.inf)
    start, steps = offset.clone(), []
    for t in range(q.shape[2]):
        for when, environment in resets:
            if when == t:
                start[environment] = t + offset[environment]
        token = (q[:, :, t], k[:, :, t], v[:, :, t], cache, t + offset, start)
        steps.append(native_decode.decode(*token, scale=q.shape[-1] ** -0.5, **options))
    return torch.stack(steps, dim=2)


@every_instruction_set
@pytest.mark.parametrize("window", [None, 1, 11])
@pytest.mark.parametrize(("kv_heads", "head_dim"), [(4, 16), (2, 32), (1, 10)])
def test_streams_what_attention_computes_from_rounded_keys_and_values(
    kv_heads, head_dim, window, instruction_set
):
    q, k, v = random_qkv(0, LENGTH, batch=3, heads=4, kv_heads=kv_heads, head_dim=head_dim)
    resets = [(20, 0), (24, 2), (60, 1), (63, 1), (63, 0)]
    document_start = torch.zeros(3, LENGTH, dtype=torch.int32)
    for when, environment in resets:
        document_start[environment, when:] = when
    offset = torch.tensor([0, 5, 70])
    found = stream(q, k, v, window, offset, resets, instruction_set=instruction_set)
    k, v = k.bfloat16().float(), v.bfloat16().float()
    expected = attention(q, k, v, window=window, document_start=document_start)
    torch.testing.assert_close(found, expected, rtol=0, atol=5e-6)


@every_instruction_set
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_was_forgotten_has_no_influence(value, instruction_set):
    q, k, v = random_qkv(0, LENGTH, batch=ENVIRONMENTS, head_dim=12)
    offset, resets = torch.tensor([0, 3, 17]), [(30, 0), (50, 1)]
    clean = stream(q, k, v, 40, offset, resets, instruction_set=instruction_set)
    k[0, :, 7], v[0, :, 5:8], k[1, :, 49], v[1, :, 12] = value, value, -value, value
    spoiled = stream(q, k, v, 40, offset, resets, instruction_set=instruction_set)
    assert torch.equal(spoiled[0, :, 30:], clean[0, :, 30:])
    assert torch.equal(spoiled[1, :, 50:], clean[1, :, 50:])
    assert torch.equal(spoiled[2], clean[2])
    assert not spoiled[0, :, 7].isfinite().any()


@every_instruction_set
def test_an_environment_depends_on_nothing_beside_it(instruction_set):
    q, k, v = random_qkv(0, LENGTH, batch=3)
    options = {"window": 20, "resets": [], "instruction_set": instruction_set}
    together = stream(q, k, v, offset=torch.tensor([0, 5, 7]), **options)
    alone = stream(q[1:2], k[1:2], v[1:2], offset=torch.tensor([5]), **options)
    assert torch.equal(together[1:2], alone)


@every_instruction_set
def test_logits_of_any_size_make_weights(instruction_set):
    q, k, v = random_qkv(0, LENGTH, batch=1)
    found = stream(q * 1e4, k * 1e4, v, 50, torch.zeros(1, dtype=torch.int64), [])
    assert bool(found.isfinite().all())
    assert bool((found.abs() <= v.abs().max() * 1.01).all())


def test_decode_takes_float32_against_a_cache_in_bfloat16():
    q, k, v = (x[:, :, 0] for x in random_qkv(0, 1, head_dim=160))  # too wide for the kernel
    zero = torch.zeros(2, dtype=torch.int64)
    cache = KeyValueCache(2, 2, 160, 4, dtype=torch.bfloat16)
    out = decode(q, k, v, cache, zero, zero)
    torch.testing.assert_close(out, v.bfloat16().float())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"start": np.array([1])}, "start must be in 0 .. step"),
        ({"keys": np.zeros((1, 2, 4, 16), np.float32)}, "as large as the problem"),
        ({"values": np.zeros((1, 2, 3, 16), np.int16)}, "as large as the problem"),
        ({"keys": np.zeros((1, 2, 4, 8), np.int16)}, "like q"),
        ({"q": np.zeros((1, 3, 16), np.float32)}, "multiple of key heads"),
        ({"k_new": np.zeros((1, 1, 16), np.float32)}, r"float32 \[N, H, D\]"),
    ],
)
def test_the_kernel_guards_its_memory(changes, rule):
    zero = np.zeros(1, np.int64)
    heads, rows = np.zeros((1, 2, 16), np.float32), np.zeros((1, 2, 4, 16), np.int16)
    arguments = {"q": heads, "k_new": heads, "v_new": heads, "keys": rows, "values": rows}
    arguments |= {"step": zero, "start": zero, "scale": 1.0, "out": heads.copy()}
    with pytest.raises(ValueError, match=rule):
        _native.attention_decode("portable", **arguments | changes)
