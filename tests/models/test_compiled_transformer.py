"""torch.compile takes model and loss as one graph, and the graph computes the same."""

import pytest
import torch

from adfast.models.embedding import picture_features
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.gradients.objective import next_action_accuracy, next_action_loss
from models.model_cases import (
    FLOAT_REWARD_SCHEMA,
    REAL_SCHEMA,
    SCHEMA,
    random_histories,
    small_model,
    with_returns,
)

pytestmark = pytest.mark.usefixtures("fresh_compiler")

VARIANTS = {
    "post-norm, returns": {"norm": "post", "reads_return": True},
    "three tokens, learned": {
        "layout": "three-token",
        "position_encoding": "learned",
        "num_learned_positions": 12,
    },
    "rope, qk-norm": {"position_encoding": "rope", "qk_norm": True},
    "patches": {"picture_encoder": "patches"},
    "convolutions": {"picture_encoder": "convolutions"},
}

PICTURE_SCHEMA = TransitionSchema(RealObservation("uint8", (17, 20, 3)), 3, 6)
SCHEMAS = {
    "post-norm, returns": FLOAT_REWARD_SCHEMA,
    "rope, qk-norm": REAL_SCHEMA,
    "patches": PICTURE_SCHEMA,
    "convolutions": PICTURE_SCHEMA,
}


def loss_of(model):
    def loss_and_accuracy(batch):
        logits = model(batch)
        action = batch["action"]
        return next_action_loss(logits, action), next_action_accuracy(logits, action)

    return loss_and_accuracy


def differentiate(model, function, batch):
    model.zero_grad()
    loss, accuracy = function(batch)
    loss.backward()
    return [loss.detach(), accuracy, *(parameter.grad.clone() for parameter in model.parameters())]


def traceable_model(schema=SCHEMA, **settings):
    """The reference attention is plain torch; that of the CPU is no graph's business."""
    model = small_model(schema, num_layers=1, attention_window=5, **settings).train()
    model.attention_backend = "reference"
    return model


def compiled(function):
    return torch.compile(function, fullgraph=True, dynamic=False, backend="aot_eager")


@pytest.mark.parametrize("variant", VARIANTS)
def test_model_and_loss_are_one_graph_of_the_same_function(variant, monkeypatch):
    monkeypatch.setattr(picture_features, "MOST_BYTES", 500_000)  # in three pieces
    schema = SCHEMAS.get(variant, SCHEMA)
    model = traceable_model(schema, **VARIANTS[variant])
    batch = with_returns(random_histories(2, 12, schema))  # which others pass over
    expected = differentiate(model, loss_of(model), batch)
    graph = compiled(loss_of(model))
    torch.testing.assert_close(differentiate(model, graph, batch), expected, rtol=1e-5, atol=1e-6)
    another = with_returns(random_histories(2, 12, schema, seed=1))
    with torch.compiler.set_stance("fail_on_recompile"):
        differentiate(model, graph, another)


def test_compiled_dropout_is_keyed_by_torch_and_recomputed_alike():
    model, batch = traceable_model(dropout=0.3, sequence_mask=0.2), random_histories(2, 12)
    results = {}
    for recomputes in (False, True):
        torch._dynamo.reset()
        model.recomputes_blocks = recomputes
        graph = compiled(loss_of(model))
        for seed in (1, 2):
            torch.manual_seed(seed)
            results[recomputes, seed] = differentiate(model, graph, batch)
    for seed in (1, 2):
        torch.testing.assert_close(results[True, seed], results[False, seed], rtol=1e-5, atol=1e-6)
    assert not torch.equal(results[False, 1][0], results[False, 2][0])
