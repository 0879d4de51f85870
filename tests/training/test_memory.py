"""Memory of a training step against its length, counted without a device.

Tensors without values run through model, loss and gradient as on a card: blocks in bfloat16,
attention by the Triton operator, of which only the shapes run. Counted is what is allocated at the
peak; what the gradient kernels take for themselves (a float32 `dq` at most) is not seen.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from adfast import tasks
from adfast.attention import BACKENDS, Place
from adfast.models.config import ModelConfig
from adfast.models.device import in_precision
from adfast.models.embedding import transition_embedding
from adfast.models.transformer import Transformer
from adfast.training.gradients.objective import next_action_loss
from adfast.training.step_cost import AllocatedBytes

LENGTHS = (1 << 14, 1 << 16, 1 << 18, 1 << 20)
CONFIG = ModelConfig(
    num_layers=4, width=64, num_heads=4, attention_window=256, attention_backend="shapes"
)


@pytest.fixture
def as_on_a_card(monkeypatch):
    kernels = Place("adfast.attention.triton")  # whatever the device
    monkeypatch.setitem(BACKENDS, "shapes", kernels)
    monkeypatch.setattr(transition_embedding, "can_examine", lambda _: False)


def peak_bytes(length, *, recomputes_blocks=False, config=CONFIG):
    schema = tasks.make("dark-room").transition_schema
    model = in_precision(
        Transformer(config, schema, seed=0).train(), torch.device("cpu"), torch.bfloat16
    )
    model.recomputes_blocks = recomputes_blocks
    with FakeTensorMode(allow_non_fake_inputs=True):
        tensors = {
            name: torch.empty_like(value, requires_grad=value.requires_grad)
            for name, value in [*model.named_parameters(), *model.named_buffers()]
        }
        batch = {
            name: torch.empty(1, length, *field.shape, dtype=torch.uint8)
            for name, field in schema.fields.items()
        }
        with AllocatedBytes() as allocated:
            logits = torch.func.functional_call(model, tensors, (batch,))
            next_action_loss(logits, batch["action"]).backward()
    assert all(value.grad is not None for value in tensors.values() if value.requires_grad)
    return allocated.peak


def test_counter_sees_what_is_alive_at_once():
    with AllocatedBytes() as allocated:
        kept = torch.ones(1000)
        for _ in range(3):
            kept.view(10, 100)  # no memory of its own
            torch.ones(500)
    assert (allocated.peak, allocated.now) == (6000, 4000)


def test_memory_is_linear_in_the_context(as_on_a_card):
    per_transition = [peak_bytes(length) / length for length in LENGTHS]
    assert max(per_transition) < 1.05 * min(per_transition)
    assert max(per_transition) <= 32 * 1024


def test_memory_without_a_window_is_that_with_one(as_on_a_card):
    full_causal = CONFIG.model_copy(update={"attention_window": None})
    assert peak_bytes(1 << 18, config=full_causal) == peak_bytes(1 << 18)


def test_activation_checkpointing_keeps_a_fraction(as_on_a_card):
    assert peak_bytes(1 << 18, recomputes_blocks=True) < 0.5 * peak_bytes(1 << 18)
