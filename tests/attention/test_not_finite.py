"""NaN and infinity reach who sees them and nobody else, forward and backward, on every backend."""

import pytest
import torch
from attention_cases import differentiate, native, random_document_start, random_qkv

from adfast.attention import attention, banded_cpu, reference
from adfast.errors import InvalidArgument
from adfast.machine import processor

LENGTH = 70
BACKENDS = {
    "reference": reference.attention,
    "banded": banded_cpu.attention,
    **{name: native(name) for name in processor.instruction_sets()},
}
every_backend = pytest.mark.parametrize("backend", BACKENDS)
NAMES = ("out", "lse", "dq", "dk", "dv")


def who_sees(window, starts):
    """bool `[B, T, T]`: whether the query (row) sees the key (column)."""
    visible = reference.visible_keys(LENGTH, window, starts, torch.device("cpu"))
    return visible[:, 0].expand(2, -1, -1)


@every_backend
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(("window", "packed"), [(None, False), (9, False), (None, True), (9, True)])
def test_it_reaches_who_sees_it_and_nobody_else(backend, window, packed, which, value):
    """All others get what they get where there is a zero instead."""
    tensors = random_qkv(0, LENGTH, heads=4, kv_heads=2)
    starts = random_document_start(1, LENGTH) if packed else None
    time, head = 30, 1  # of the key heads, or of the query heads
    visible = who_sees(window, starts)[0]
    queries, keys = torch.zeros(2, 4, LENGTH, dtype=bool), torch.zeros(2, 2, LENGTH, dtype=bool)
    if which == 0:
        queries[0, head, time] = True
        keys[0, head // 2] = visible[time]
    else:
        queries[0, 2:] = visible[:, time]
        keys[0, 1] = (visible & visible[:, time, None]).any(0)

    def differentiated(held):
        inputs = [x.clone() for x in tensors]
        inputs[which][0, head, time, 3] = held
        return differentiate(BACKENDS[backend], *inputs, window=window, starts=starts)

    touched_by_name = {"out": queries, "lse": queries, "dq": queries, "dk": keys, "dv": keys}
    for name, one, other in zip(NAMES, differentiated(value), differentiated(0.0), strict=True):
        touched = touched_by_name[name]
        torch.testing.assert_close(one[~touched], other[~touched], rtol=0, atol=1e-6)
        if backend != "reference" or not name.startswith("d"):  # autograd has d_out, not out
            assert not one[touched].isfinite().any(), name


@every_backend
def test_one_document_does_not_reach_another_nor_its_gradient(backend):
    starts = torch.zeros(2, LENGTH, dtype=torch.int32)
    starts[:, 33:] = 33

    def differentiated(held):
        inputs = [x.clone() for x in random_qkv(0, LENGTH)]
        for tensor in inputs:
            tensor[0, :, 40] = held
        return differentiate(BACKENDS[backend], *inputs, starts=starts)

    for one, other in zip(differentiated(torch.nan), differentiated(0.0), strict=True):
        assert torch.equal(one[0, :, :33], other[0, :, :33])
        assert torch.equal(one[1], other[1])


@every_backend
@pytest.mark.parametrize("size", [1e3, 1e6, 1e8, 1e12, 1e20, 1e30, 1e36])
@pytest.mark.parametrize(("window", "packed"), [(None, False), (20, False), (20, True)])
def test_logits_of_any_size_that_fits_are_attended_exactly(backend, window, packed, size):
    q, k, v = random_qkv(0, LENGTH)
    q, k = q * size**0.5, k * size**0.5
    starts = random_document_start(1, LENGTH) if packed else None
    options = {"window": window, "starts": starts, "scale": 1.0}
    exact = differentiate(reference.attention, q, k, v, dtype=torch.float64, **options)
    if backend == "banded" and size > 1e3:
        with pytest.raises(InvalidArgument, match="the gradient of attention by torch's kernel"):
            differentiate(banded_cpu.attention, q, k, v, **options)
        return
    found = differentiate(BACKENDS[backend], q, k, v, **options)
    # Where several keys weigh something, the rounding of their logits shows.
    allowed = 2e-3 if size == 1e3 else 1e-4
    units = (1.0, size, size**0.5, size**0.5, 1.0)  # of q's gradient that of k, and the reverse
    for name, one, other, unit in zip(NAMES, found, exact, units, strict=True):
        error = ((one.double() - other) / unit).abs().max()
        assert error < allowed, (name, float(error))


@pytest.mark.parametrize("backend", sorted({*BACKENDS} - {"banded"}))
@pytest.mark.parametrize("size", [1.0, 1e4, 1e6, 1e9, 1e20])
def test_keys_that_are_equal_weigh_the_same_however_large_their_logits(backend, size):
    """As of equal tokens: the logarithm of their number is nothing beside the logit."""
    q, k, v = (x[:, :, :1].expand(-1, -1, LENGTH, -1).contiguous() for x in random_qkv(0, LENGTH))
    v = random_qkv(1, LENGTH)[2]
    q = q * k.sign() * q.sign() * size
    found = differentiate(BACKENDS[backend], q, k, v)
    exact = differentiate(reference.attention, q, k, v, dtype=torch.float64)
    for place in (0, 4):  # the values and their gradient
        torch.testing.assert_close(found[place].double(), exact[place], rtol=0, atol=2e-5)


@every_backend
@pytest.mark.parametrize("window", [None, 9])
def test_logits_that_overflow_are_refused(backend, window):
    q, k, v = random_qkv(0, LENGTH)
    q[1, 1, 50], k[1, 1, 50] = 3e20, 3e20
    with pytest.raises(InvalidArgument, match=r"attention logits overflow float32 at \(batch, he"):
        BACKENDS[backend](q, k, v, window=window, document_start_BT=None, scale=1.0)


def test_half_precision_is_selected_too():
    q, k, v = (x.to(torch.bfloat16) for x in random_qkv(0, LENGTH))
    clean = attention(q, k, v, window=9)
    v[0, 0, 20] = torch.nan
    out = attention(q, k, v, window=9)
    touched = torch.zeros(out.shape, dtype=torch.bool)
    touched[0, 0, 20:29] = True
    assert torch.equal(out.isnan(), touched)
    assert torch.equal(out[~touched], clean[~touched])
