"""Which tensors the kernels take, and that a model computes the same with and without them."""

import numpy as np
import pytest
import torch

from adfast import _native
from adfast.models.config import ModelConfig
from adfast.models.layers import feed_forward, linear, native_layers, summed_rows
from adfast.models.layers import norm as norms
from adfast.models.transformer import Transformer
from training.tiny_training import MODEL, SCHEMA, make_trainer


def test_float32_on_the_processor_is_taken_where_gradients_are_and_nothing_else():
    x = torch.zeros(2, 2)
    assert native_layers.computes_natively(x, x)
    for other in (x.double(), x.bfloat16(), x.to("meta")):
        assert not native_layers.computes_natively(x, other)
    with torch.no_grad():
        assert not native_layers.computes_natively(x, x)


def gradients(model, batch):
    model.zero_grad()
    model(batch).square().mean().backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("layout", ["one-token", "three-token"])
def test_a_model_has_the_gradients_of_torchs_layers(tmp_path, monkeypatch, forced, norm, layout):
    batch = make_trainer(tmp_path).batch_of(0)
    config = ModelConfig.from_mapping(MODEL | {"norm": norm, "layout": layout})
    model = Transformer(config, SCHEMA, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=torch.Generator().manual_seed(parameter.numel()))
    found = gradients(model, batch)
    for module in (feed_forward, linear, norms, summed_rows):
        monkeypatch.setattr(module, "computes_natively", lambda *tensors: False)
    for one, other in zip(found, gradients(model, batch), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("gelu", (np.zeros(3, np.float32), np.zeros(4, np.float32))),
        ("gelu", (np.zeros(3), np.zeros(3, np.float32))),
        ("gelu", (np.zeros((4, 4), np.float32)[:, ::2], np.zeros((4, 2), np.float32))),
        ("gelu_backward", (*[np.zeros(3, np.float32)] * 2, np.zeros(2, np.float32))),
        ("sum_rows", (np.zeros((3, 4), np.float32), np.zeros((2, 2), np.int32), np.zeros(8))),
        (
            "normalise",
            (
                np.zeros((3, 4), np.float32),
                np.zeros(5, np.float32),
                1e-5,
                np.zeros((3, 4), np.float32),
                np.zeros((3, 2), np.float32),
            ),
        ),
    ],
)
def test_the_extension_refuses_what_would_leave_its_memory(call, arguments):
    with pytest.raises(ValueError, match="contiguous, of the kernel's type and size"):
        getattr(_native, call)("portable", *arguments)


def test_the_extension_refuses_an_unknown_instruction_set():
    x = np.zeros(3, np.float32)
    with pytest.raises(ValueError, match="no such instruction set"):
        _native.gelu("abacus", x, x.copy())
