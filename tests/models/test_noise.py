"""Recomputing blocks changes neither the gradient nor a mask, only what is kept meanwhile."""

import pytest
import torch

from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.gradients.objective import next_action_loss
from models.model_cases import SCHEMA, random_histories, small_model

VARIANTS = {
    "plain": {},
    "dropout": {"dropout": 0.3},
    "dropout and masking": {"dropout": 0.2, "sequence_mask": 0.3},
    "whole history": {"attention_window": None, "position_encoding": "rope", "qk_norm": True},
    "post-norm": {"norm": "post", "dropout": 0.1},
    "attention": {"attention_dropout": 0.3, "dropout": 0.1},
}


def gradients(model, batch, *, recomputes, dropout_seed=4):
    model.recomputes_blocks = recomputes
    model.zero_grad()
    loss = next_action_loss(model(batch, dropout_seed=dropout_seed), batch["action"])
    loss.backward()
    return [loss.detach(), *(parameter.grad.clone() for parameter in model.parameters())]


def kept_bytes(model, length, *, recomputes):
    """What autograd holds between the forward and the backward pass, parameters apart."""
    model.recomputes_blocks = recomputes
    batch = random_histories(1, length)
    held = {}
    parameters = {parameter.data_ptr() for parameter in model.parameters()}

    def hold(tensor):
        if tensor.data_ptr() not in parameters:
            held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(hold, lambda tensor: tensor):
        loss = next_action_loss(model(batch), batch["action"])
    assert loss.requires_grad
    return sum(storage.nbytes() for storage in held.values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_recomputed_gradient_is_equal_bit_for_bit(variant):
    settings = {"num_layers": 3, "attention_window": 7} | VARIANTS[variant]
    model = small_model(**settings).train()
    batch = random_histories(3, 20)
    expected = gradients(model, batch, recomputes=False)
    assert all(map(torch.equal, gradients(model, batch, recomputes=True), expected))


def test_masks_follow_the_seed_alone():
    model, batch = small_model(dropout=0.5).train(), random_histories(2, 10)
    torch.manual_seed(1)
    one = gradients(model, batch, recomputes=True, dropout_seed=1)
    torch.manual_seed(2)
    assert all(map(torch.equal, gradients(model, batch, recomputes=True, dropout_seed=1), one))
    assert not torch.equal(gradients(model, batch, recomputes=True, dropout_seed=2)[0], one[0])


def test_recomputing_keeps_a_residual_stream_per_layer():
    deep, shallow = (small_model(num_layers=layers).train() for layers in (5, 1))
    per_layer = [
        (
            kept_bytes(deep, 60, recomputes=recomputes)
            - kept_bytes(shallow, 60, recomputes=recomputes)
        )
        / 4
        for recomputes in (False, True)
    ]
    assert per_layer[1] == 60 * 16 * 4  # float32 of width 16
    assert per_layer[0] > 8 * per_layer[1]


@pytest.mark.parametrize("recomputes", [False, True])
def test_kept_memory_is_linear_in_the_context(recomputes):
    model = small_model(num_layers=2, attention_window=16).train()
    short, long = (kept_bytes(model, length, recomputes=recomputes) for length in (512, 4096))
    assert long / short == pytest.approx(8, rel=0.05)


@pytest.mark.parametrize("positions", ["none", "rope"])
def test_blanks_have_gradients_in_bounds_where_layers_normalise_behind(positions):
    """Zeros would have gradients of 1e20 here: each normalisation makes 300 times of them."""
    config = ModelConfig(
        width=16,
        norm="post",
        num_layers=4,
        sequence_mask=0.5,
        position_encoding=positions,
    )
    model = Transformer(config, SCHEMA, 0)  # freshly made: its blocks add nothing yet
    torch.nn.init.normal_(model.head)
    batch = random_histories(4, 30)
    for gradient in gradients(model, batch, recomputes=False)[1:]:
        assert gradient.isfinite().all()
        assert gradient.norm() < 100.0
