import pytest
import torch
from attention_cases import random_qkv

from adfast.attention import KeyValueCache, attention, decode
from adfast.errors import InvalidArgument

LENGTH = 90
ENVIRONMENTS = 3


def stream(q, k, v, window, offset, resets=()):
    """`[N, H, T, D]` by decode; environment n is at step t + offset[n], `resets` are (t, n)."""
    cache = KeyValueCache(len(q), k.shape[1], q.shape[-1], window)
    cache.keys.fill_(50.0)  # what was never written must never be seen
    cache.values.fill_(1e6)
    start = offset.clone()
    steps = []
    for t in range(q.shape[2]):
        for when, environment in resets:
            if when == t:
                start[environment] = t + offset[environment]
        steps.append(decode(q[:, :, t], k[:, :, t], v[:, :, t], cache, t + offset, start))
    return torch.stack(steps, dim=2)


@pytest.mark.parametrize("staggered", [False, True])
@pytest.mark.parametrize("window", [None, 1, 11])
@pytest.mark.parametrize(("heads", "kv_heads"), [(2, 2), (4, 2), (3, 1)])
def test_decode_streams_what_attention_computes(window, staggered, heads, kv_heads):
    q, k, v = random_qkv(0, LENGTH, batch=ENVIRONMENTS, heads=heads, kv_heads=kv_heads)
    offset = torch.tensor([0, 5, 1000] if staggered and window else [0, 0, 0])
    if staggered and window is None:
        offset = torch.tensor([0, 5, 70])
    streamed = stream(q, k, v, window, offset)
    torch.testing.assert_close(streamed, attention(q, k, v, window=window), rtol=0, atol=2e-6)


@pytest.mark.parametrize("staggered", [False, True])
@pytest.mark.parametrize("window", [None, 11])
def test_a_reset_environment_sees_nothing_from_before(window, staggered):
    q, k, v = random_qkv(0, LENGTH, batch=ENVIRONMENTS)
    offset = torch.tensor([0, 3, 17]) if staggered else torch.zeros(3, dtype=torch.int64)
    resets = [(20, 0), (24, 2), (60, 1), (63, 1), (63, 0)]
    document_start = torch.zeros(ENVIRONMENTS, LENGTH, dtype=torch.int32)
    for when, environment in resets:
        document_start[environment, when:] = when
    expected = attention(q, k, v, window=window, document_start=document_start)
    streamed = stream(q, k, v, window, offset, resets)
    torch.testing.assert_close(streamed, expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("staggered", [False, True])
@pytest.mark.parametrize("window", [None, 11])
def test_what_a_reset_hides_has_no_influence_whatever_it_holds(window, staggered, value):
    q, k, v = random_qkv(0, LENGTH, batch=ENVIRONMENTS)
    offset = torch.tensor([0, 3, 17]) if staggered else torch.zeros(3, dtype=torch.int64)
    resets = [(8, 0), (40, 1)]
    clean = stream(q, k, v, window, offset, resets)
    k[0, :, 7], v[0, :, 5:8], k[1, :, 39], v[1, :, 12] = value, value, -value, value
    spoiled = stream(q, k, v, window, offset, resets)
    assert torch.equal(spoiled[:1, :, 8:], clean[:1, :, 8:])
    assert torch.equal(spoiled[1:2, :, 40:], clean[1:2, :, 40:])
    assert torch.equal(spoiled[2], clean[2])
    assert not spoiled[0, :, 7].isfinite().any()


@pytest.mark.parametrize("size", [1e6, 1e12, 1e30])
def test_logits_of_any_size_that_fits_are_attended_exactly(size):
    q, k, v = random_qkv(0, 30)
    q, k = q * size**0.5, k * size**0.5
    streamed = stream(q, k, v, 7, torch.zeros(2, dtype=torch.int64))
    expected = attention(q.double(), k.double(), v.double(), window=7, backend="reference")
    torch.testing.assert_close(streamed.double(), expected, rtol=0, atol=1e-5)


def test_logits_that_overflow_are_refused():
    q, k, v = random_qkv(0, 30)
    q[1, 1, 20], k[1, 1, 18] = 3e20, 3e20
    with pytest.raises(InvalidArgument, match=r"logits overflow float32 at \(environment\) \(1,\)"):
        stream(q, k, v, 7, torch.zeros(2, dtype=torch.int64))


def test_scale_multiplies_the_logits():
    q, k, v = random_qkv(0, 2, batch=1)
    zero = torch.zeros(1, dtype=torch.int64)
    cache = KeyValueCache(1, 2, 16, 4)
    for t in range(2):
        out = decode(q[:, :, t], k[:, :, t], v[:, :, t], cache, zero + t, zero, scale=0.9)
    torch.testing.assert_close(out, attention(q, k, v, scale=0.9)[:, :, 1])


ONE = torch.zeros(2, dtype=torch.int64)
STEP = torch.randn(2, 3, 8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STEP, STEP[:1], STEP, ONE, ONE), r"k_new and v_new must be \(2, 3, 8\)"),
        ((STEP[..., :4], STEP, STEP, ONE, ONE), r"q must be \[2, H, 8\]"),
        ((STEP[:, :2], STEP, STEP, ONE, ONE), "multiple of that of the cache's key heads"),
        ((STEP.double(), STEP, STEP, ONE, ONE), "must be torch.float32 like the cache"),
        ((STEP, STEP, STEP, ONE.int(), ONE), r"step must be int64 \[2\]"),
        ((STEP, STEP, STEP, ONE, ONE[:1]), r"start must be int64 \[2\]"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    q, k, v, step, start = arguments
    with pytest.raises(InvalidArgument, match=message):
        decode(q, k, v, KeyValueCache(2, 3, 8, 4), step, start)
