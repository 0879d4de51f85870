"""A model and its loss on the Triton kernels are one compiled graph, and step as they decode."""

import pytest
import torch

from adfast.attention import BACKENDS, Place
from adfast.training.gradients.undivided_gradient import UndividedGradient
from models.model_cases import random_histories, small_model, stream

MODEL = {
    "num_layers": 1,
    "width": 32,
    "num_heads": 2,
    "attention_window": 7,
    "position_encoding": "rope",
    "qk_norm": True,
    "attention_backend": "interpreted",
}
PLAIN = {"position_encoding": "none", "qk_norm": False, "num_kv_heads": 1}


@pytest.fixture(autouse=True)
def on_triton(monkeypatch):
    """A backend of the kernels, which run here on tensors of the processor."""
    monkeypatch.setitem(BACKENDS, "interpreted", Place("adfast.attention.triton"))
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="rotated"),
        pytest.param(PLAIN, id="as projected", marks=pytest.mark.thorough),
    ],
)
def test_training_step_is_one_graph(settings):
    model, batch = small_model(**MODEL | settings).train(), random_histories(1, 20)
    if not settings:  # of two histories in a row
        batch["document_start"] = torch.tensor([[0] * 6 + [6] * 14], dtype=torch.int32)
    results = []
    for compiler in (None, "aot_eager"):
        loss, _ = UndividedGradient(model, torch.float32, compiler=compiler)(batch)
        results.append([loss, *(parameter.grad.clone() for parameter in model.parameters())])
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("settings", [{}, PLAIN], ids=["rotated", "as projected"])
def test_streamed_logits_are_those_of_the_forward_pass(settings):
    model, batch = small_model(**MODEL | settings).eval(), random_histories(2, 20)
    with torch.no_grad():
        expected = model(batch)
    torch.testing.assert_close(stream(model, batch), expected, rtol=0, atol=1e-4)
