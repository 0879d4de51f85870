"""On a card a model computes what it computes on the processor, streamed or whole."""

import pytest
import torch

from adfast.models import layer_step
from adfast.models.device import in_precision
from adfast.training.gradients.objective import next_action_loss
from models.model_cases import random_histories, small_model, stream

pytestmark = pytest.mark.gpu

SHAPE = {"num_layers": 2, "width": 64, "num_heads": 4}
VARIANTS = {
    "window": {"attention_window": 16},
    "whole history": {"attention_window": None, "num_kv_heads": 2},
    "rope, qk-norm": {"attention_window": 16, "position_encoding": "rope", "qk_norm": True},
    "three tokens": {"attention_window": 16, "layout": "three-token"},
}


@pytest.fixture
def card():
    return torch.device("cuda", torch.cuda.current_device())


def case(variant, card):
    model = small_model(**SHAPE, **VARIANTS[variant]).eval()
    batch = random_histories(3, 128)
    return model, batch, {name: values.to(card) for name, values in batch.items()}


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_float32_logits_are_those_of_the_processor_streamed_too(card, variant):
    model, batch, on_card = case(variant, card)
    expected = model(batch)
    moved = in_precision(model, card, torch.float32)
    torch.testing.assert_close(moved(on_card).cpu(), expected, rtol=0, atol=1e-4)
    torch.testing.assert_close(stream(moved, on_card).cpu(), expected, rtol=0, atol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_bfloat16_errs_at_most_twice_as_much_as_torch(card, variant):
    model, batch, on_card = case(variant, card)
    exact = model(batch)
    rounded = in_precision(model, card, torch.bfloat16)
    ours, streamed = rounded(on_card).cpu(), stream(rounded, on_card).cpu()
    rounded.attention_backend = "reference"
    torchs_own = (rounded(on_card).cpu() - exact).abs().max()
    assert (ours - exact).abs().max() <= 2 * torchs_own + 1e-5
    assert (streamed - exact).abs().max() <= 2 * torchs_own + 1e-5


@torch.no_grad()
@pytest.mark.parametrize("variant", VARIANTS)
def test_layers_in_one_kernel_step_as_their_operations_do(card, variant, monkeypatch):
    model, _, on_card = case(variant, card)
    moved = in_precision(model, card, torch.float32)
    fused = stream(moved, on_card)
    monkeypatch.setattr(layer_step, "prefers_fused", lambda *_: False)
    torch.testing.assert_close(fused, stream(moved, on_card), rtol=0, atol=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_recomputed_gradient_is_equal_where_the_kernels_are_deterministic(card, dropout):
    model = small_model(**SHAPE, attention_window=16, dropout=dropout).train().to(card)
    batch = {name: values.to(card) for name, values in random_histories(3, 128).items()}
    results = []
    torch.use_deterministic_algorithms(True)
    try:
        for recomputes in (False, True):
            model.recomputes_blocks = recomputes
            model.zero_grad()
            next_action_loss(model(batch, dropout_seed=3), batch["action"]).backward()
            results.append([parameter.grad.clone() for parameter in model.parameters()])
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(map(torch.equal, *results))


@pytest.mark.slow
def test_a_million_transitions_pass_forward_and_backward(card):
    model = in_precision(small_model(**SHAPE, attention_window=256), card, torch.bfloat16).train()
    length = 1 << 20
    batch = {name: values.to(card) for name, values in random_histories(1, length).items()}
    torch.cuda.reset_peak_memory_stats(card)
    loss = next_action_loss(model(batch), batch["action"])
    loss.backward()
    assert torch.isfinite(loss)
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    assert torch.cuda.max_memory_allocated(card) <= length * 32 * 1024
