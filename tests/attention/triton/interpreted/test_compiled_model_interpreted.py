"""A model and its loss on the Triton kernels are one compiled graph, and step as they decode."""

import pytest
import torch

from adfast.attention import triton
from adfast.models import layer_step, transformer
from adfast.training.undivided_gradient import UndividedGradient
from models.model_cases import random_histories, small_model, stream

MODEL = {
    "num_layers": 1,
    "width": 32,
    "num_heads": 2,
    "attention_window": 7,
    "position_encoding": "rope",
    "qk_norm": True,
}
PLAIN = {"position_encoding": "none", "qk_norm": False, "num_kv_heads": 1}


@pytest.fixture(autouse=True)
def on_triton(monkeypatch):
    """Send the model's attention to the kernels, which run here on tensors of the processor."""

    def attention(q, k, v, *, window, document_start, scale, logit_bound, backend):
        out, _ = triton.attention(
            q,
            k,
            v,
            window=window,
            document_start_BT=document_start,
            scale=scale,
            logit_bound=logit_bound,
            deterministic=True,
        )
        return out

    def packed_attention(projected, num_heads, *, document_start, backend, **options):
        out = triton.packed_attention(
            projected, num_heads, document_start_BT=document_start, deterministic=True, **options
        )
        return out.transpose(1, 2)

    monkeypatch.setattr(transformer, "attention", attention)
    monkeypatch.setattr(transformer, "packed_attention", packed_attention)
    monkeypatch.setattr(layer_step, "decode", triton.decode)
    yield
    torch._dynamo.reset()


@pytest.mark.parametrize("settings", [{}, PLAIN], ids=["rotated", "as projected"])
def test_training_step_is_one_graph(settings):
    model, batch = small_model(**MODEL | settings).train(), random_histories(1, 20)
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
