"""Forward and backward kernels against the definition in float64.

An error may be twice that of PyTorch in the same dtype, plus 1e-5; PyTorch's log-sum-exp is that of
the definition, since `scaled_dot_product_attention` returns none.
"""

import pytest
import torch
import torch.nn.functional as F

from adfast.attention import reference
from adfast.attention import triton as kernels
from adfast.attention.triton import backward, tiles
from adfast.errors import InvalidArgument
from pairwise import pairwise

CASES = pairwise(
    length=[150, 65, 64, 15, 1],
    window=[None, 64, 7, 1],
    heads=[(2, 2), (4, 2), (3, 1)],
    head_dim=[16, 32, 64],
    documents=[True, False],
    dtype=[torch.bfloat16, torch.float32, torch.float16],
    bounded=[False, True],
    wide_and_fused=[False, True],
)


def random_inputs(length, heads, head_dim, documents, dtype, batch=2):
    """q, k, v, the gradient of the output, all `[B, H, T, D]` in token-major memory, and starts."""
    torch.manual_seed(length + head_dim)
    num_heads, num_key_heads = heads
    q, k, v, d_out = (
        torch.randn(batch, length, count, head_dim).to(dtype).transpose(1, 2)
        for count in (num_heads, num_key_heads, num_key_heads, num_heads)
    )
    begins = torch.rand(batch, length) < 1 / 20
    starts = torch.where(begins, torch.arange(length), 0).cummax(1).values.int()
    return q, k, v, d_out, starts if documents else None


def attend_and_differentiate(attend, q, k, v, d_out):
    """out, lse, dq, dk, dv of `attend(q, k, v) -> (out, lse)`."""
    q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
    out, lse = attend(q, k, v)
    out.backward(d_out)
    return {"out": out.detach(), "lse": lse.detach(), "dq": q.grad, "dk": k.grad, "dv": v.grad}


def pytorch_attention(q, k, v, visible, scale):
    groups = q.shape[1] // k.shape[1]
    k, v = (x.repeat_interleave(groups, dim=1) for x in (k, v))
    logits = (q @ k.transpose(-2, -1) * scale).masked_fill(~visible, -torch.inf)
    out = F.scaled_dot_product_attention(q, k, v, attn_mask=visible, scale=scale)
    return out, logits.logsumexp(-1)


def assert_near(name, ours, pytorch, exact, dtype, bounded):
    error = (ours.double() - exact).abs().max()
    bound = 1e-5 + 2 * (pytorch.double() - exact).abs().max()
    if bounded:  # weights are rounded before they are summed, and the sum is: half a unit each
        bound += torch.finfo(dtype).eps * exact.abs().max()
    assert error <= bound, f"{name}: error {error:.2e}, bound {bound:.2e}"
    if dtype == torch.bfloat16:
        error_rms, rms = ((x**2).mean().sqrt() for x in (ours.double() - exact, exact))
        assert error_rms <= 5e-3 * rms + 1e-5, f"{name}: relative RMS {error_rms / rms:.2e}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case.values())))
def test_attention_matches_the_definition(case, monkeypatch):
    if case["wide_and_fused"]:
        monkeypatch.setattr(tiles, "SHORT_WINDOW", 0)
    length, window, dtype, head_dim = (
        case[name] for name in ("length", "window", "dtype", "head_dim")
    )
    batch = 2 if length <= 15 else 1  # the interpreter takes as long for each
    q, k, v, d_out, starts = random_inputs(
        length, case["heads"], head_dim, case["documents"], dtype, batch
    )
    scale, logit_bound = head_dim**-0.5, None
    if case["bounded"]:  # as QK-norm does: logits of at most 8
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        scale, logit_bound = 8.0, 8.0

    ours = attend_and_differentiate(
        lambda q, k, v: kernels.attention(
            q,
            k,
            v,
            window=window,
            document_start_BT=starts,
            scale=scale,
            logit_bound=logit_bound,
            deterministic=not case["wide_and_fused"],
        ),
        q,
        k,
        v,
        d_out,
    )
    visible = reference.visible_keys(length, window, starts, q.device)
    exact = attend_and_differentiate(
        lambda q, k, v: reference.attention(
            q, k, v, window=window, document_start_BT=starts, scale=scale
        ),
        *(x.double() for x in (q, k, v, d_out)),
    )
    pytorch = attend_and_differentiate(
        lambda q, k, v: pytorch_attention(q, k, v, visible, scale), q, k, v, d_out
    )
    for name in ours:
        assert_near(name, ours[name], pytorch[name], exact[name], dtype, case["bounded"])


def test_the_grid_is_small_and_covers():
    assert len(CASES) <= 60
    met = {(case["length"], case["window"]) for case in CASES}
    assert len(met) == 20


OPTIONS = {
    "window": 20,
    "document_start_BT": None,
    "scale": 0.25,
    "logit_bound": None,
    "deterministic": None,
}


def test_any_strides_are_taken():
    packed = torch.randn(2, 40, 3, 2, 16)  # [B, T, (q, k, v), H, D], as one projection makes them
    q, k, v = (x.transpose(1, 2) for x in packed.unbind(2))
    apart = [x.contiguous() for x in (q, k, v)]
    channels_apart = [x.transpose(-1, -2).contiguous().transpose(-1, -2) for x in (q, k, v)]
    out, _ = kernels.attention(*apart, **OPTIONS)
    for inputs in ((q, k, v), channels_apart):
        assert kernels.attention(*inputs, **OPTIONS)[0].equal(out)


def test_the_gradient_of_a_sum_arrives():
    q, k, v, *_ = random_inputs(20, (2, 1), 16, False, torch.float32)
    q.requires_grad_()
    kernels.attention(q, k, v, **OPTIONS)[0].sum().backward()  # its gradient has no strides
    expected = q.detach().double().requires_grad_()
    definition = {name: OPTIONS[name] for name in ("window", "document_start_BT", "scale")}
    reference.attention(expected, k.double(), v.double(), **definition)[0].sum().backward()
    torch.testing.assert_close(q.grad.double(), expected.grad, atol=1e-6, rtol=0)


def test_logits_of_any_size_are_taken_without_a_bound():
    q, k, v, *_ = random_inputs(30, (1, 1), 16, False, torch.float32)
    q = q * 300
    out, lse = kernels.attention(q, k, v, **OPTIONS)
    expected, expected_lse = reference.attention(
        q.double(), k.double(), v.double(), window=20, document_start_BT=None, scale=0.25
    )
    torch.testing.assert_close(out.double(), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(lse.double(), expected_lse, atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("size", [1e4, 1e6, 1e8])
def test_large_logits_are_attended_exactly(size):
    """The gradient of the values carries the rounding of the log-sum-exp: see the page."""
    q, k, v, _, _ = random_inputs(70, (2, 2), 16, False, torch.float32, batch=1)
    q, k = q * (size / 16) ** 0.5, k * (size / 16) ** 0.5
    options = {"window": None, "document_start_BT": None, "scale": 1.0}
    out, lse = kernels.attention(q, k, v, logit_bound=None, deterministic=None, **options)
    expected, level = reference.attention(*(x.double() for x in (q, k, v)), **options)
    torch.testing.assert_close(out.double(), expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(lse.double(), level, rtol=1e-5, atol=0)


@pytest.mark.filterwarnings("ignore:All-NaN slice")  # NumPy of the interpreter's maximum
@pytest.mark.parametrize(
    "which", [0, *(pytest.param(n, marks=pytest.mark.thorough) for n in (1, 2))]
)
def test_a_nan_stays_in_its_head_and_its_row_of_the_batch(which):
    *tensors, d_out, starts = random_inputs(70, (2, 2), 16, True, torch.float32)
    options = {"window": 9, "document_start_BT": starts, "scale": 0.25}
    options |= {"logit_bound": None, "deterministic": True}

    def differentiated(held):
        leaves = [x.clone() for x in tensors]
        leaves[which][0, 1, 30] = held
        for leaf in leaves:
            leaf.requires_grad_()
        out, _ = kernels.attention(*leaves, **options)
        return out.detach(), *torch.autograd.grad(out, leaves, d_out)

    spoiled = differentiated(torch.nan)
    assert spoiled[0][0, 1, 30].isnan().all()
    for one, other in zip(spoiled, differentiated(0.0), strict=True):
        assert torch.equal(one[1], other[1])
        assert torch.equal(one[0, 0], other[0, 0])


@pytest.mark.parametrize("deterministic", [True, False])
def test_deterministic_gradients_are_honoured(deterministic, monkeypatch):
    monkeypatch.setattr(tiles, "SHORT_WINDOW", 0)
    fused = []
    options = tiles.key_gradient_options

    def recorded(*arguments):
        fused.append(arguments[5])
        return options(*arguments)

    monkeypatch.setattr(backward.tiles, "key_gradient_options", recorded)
    torch.use_deterministic_algorithms(deterministic)
    q, k, v, *_ = random_inputs(10, (1, 1), 16, False, torch.bfloat16)
    for explicit in (None, True):
        q.requires_grad_()
        kernels.attention(q, k, v, **OPTIONS | {"deterministic": explicit})[0].sum().backward()
    assert fused == [not deterministic, False]


@pytest.mark.parametrize("documents", [True, False])
def test_queries_may_be_of_the_last_tokens_alone(documents):
    q, k, v, d_out, starts = random_inputs(70, (2, 1), 16, documents, torch.float32)
    late = (q[:, :, 33:], k, v, d_out[:, :, 33:])
    options = OPTIONS | {"document_start_BT": None if starts is None else starts[:, 33:]}
    found = attend_and_differentiate(lambda *x: kernels.attention(*x, **options), *late)
    expected = attend_and_differentiate(
        lambda *x: reference.attention(*x, **options), *(x.double() for x in late)
    )
    for name in found:
        torch.testing.assert_close(found[name].double(), expected[name], atol=1e-5, rtol=0)


def test_what_the_kernels_lack_is_refused():
    q = torch.zeros(1, 1, 4, 16)
    with pytest.raises(InvalidArgument, match=r"scale must be positive .* got -1.0; negate q"):
        kernels.attention(q, q, q, **OPTIONS | {"scale": -1.0})
    assert kernels.supports(torch.float32, 16)
    assert not kernels.supports(torch.float32, 24)
    assert not kernels.supports(torch.float64, 16)
