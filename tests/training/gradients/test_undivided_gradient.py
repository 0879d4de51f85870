"""One piece of work gives the gradient that threads on slices give, in any precision, compiled too;
and nothing in an update reads a value back from the device.
"""

import pytest
import torch

from adfast.training.checkpoints.checkpoints import TrainingState
from adfast.training.config import TrainingConfig
from adfast.training.gradients.sharded_gradient import ShardedGradient
from adfast.training.gradients.undivided_gradient import UndividedGradient
from adfast.training.optimizers.optimizer import OptimizerGroup
from training.tiny_training import TRAINING, make_trainer, random_store

pytestmark = pytest.mark.usefixtures("fresh_compiler")


@pytest.fixture(scope="module")
def store():
    return random_store()


def case(tmp_path, store, **model):
    trainer = make_trainer(tmp_path, store=store, model=model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # matrices of zeros would leave most gradients zero
        for parameter in trainer.model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.3, generator=generator)
    trainer.model.train()
    return trainer.model, trainer.batch_of(0)


def gradients(model):
    return [parameter.grad.clone() for parameter in model.parameters()]


def assert_near(found, expected, tolerance):
    """Each tensor within a share of the root mean square of the expected one."""
    for one, other in zip(found, expected, strict=True):
        error = (one - other).square().mean().sqrt()
        assert error <= tolerance * other.square().mean().sqrt()


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradient_is_that_of_one_shard_bit_for_bit(tmp_path, store, dropout):
    model, batch = case(tmp_path, store, dropout=dropout)
    expected = ShardedGradient(model, 1)(batch, 7)
    expected_gradients = gradients(model)
    undivided = UndividedGradient(model, torch.float32)
    assert undivided.computing is model
    for _ in range(2):
        assert all(map(torch.equal, undivided(batch, 7), expected))
        assert all(map(torch.equal, gradients(model), expected_gradients))


def test_bfloat16_rounds_the_gradient_and_keeps_float32_weights(tmp_path, store):
    model, batch = case(tmp_path, store)
    exact_loss, _ = ShardedGradient(model, 1)(batch)
    exact = gradients(model)
    undivided = UndividedGradient(model, torch.bfloat16)
    loss, accuracy = undivided(batch)
    assert loss.dtype == accuracy.dtype == torch.float32
    assert abs(loss - exact_loss) < 0.02
    for name, parameter in model.named_parameters():
        assert parameter.dtype == parameter.grad.dtype == torch.float32, name
    assert_near(gradients(model), exact, 0.05)


def test_steps_too_small_for_bfloat16_add_up_in_the_weights(tmp_path, store):
    model, batch = case(tmp_path, store)
    undivided = UndividedGradient(model, torch.bfloat16)
    weight = model.blocks[0].feed_forward_out[0]
    with torch.no_grad():
        weight.fill_(1.0)
    losses = []
    for _ in range(3):
        losses.append(undivided(batch)[0])
        with torch.no_grad():
            weight.add_(2.0**-8)  # half of what bfloat16 can tell from 1
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])


def test_compiled_gradient_follows_the_weights_without_compiling_again(tmp_path, store):
    model, batch = case(tmp_path, store, attention_window=5)
    model.attention_backend = "reference"
    packed = {"document_start": torch.tensor([[0] * 7 + [7] * 13], dtype=torch.int32).expand(4, 20)}
    batch |= packed
    for precision, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        eager = UndividedGradient(model, precision)
        compiled = UndividedGradient(model, precision, compiler="aot_eager")
        compiled(batch, 1)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.sub_(0.1 * parameter.grad)
        expected, expected_gradients = eager(batch, 2), gradients(model)
        with torch.compiler.set_stance("fail_on_recompile"):
            result = compiled(batch, 2)
        assert_near([*result, *gradients(model)], [*expected, *expected_gradients], tolerance)


def test_compiled_dropout_repeats_with_its_seed(tmp_path, store):
    model, batch = case(tmp_path, store, attention_window=5, dropout=0.4, attention_dropout=0.3)
    model.attention_backend = "reference"
    compiled = UndividedGradient(model, torch.float32, compiler="aot_eager", label_smoothing=0.1)
    first, other, again = (compiled(batch, seed)[0] for seed in (1, 2, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_an_update_reads_no_value_back(tmp_path, store, optimizer):
    """A meta tensor has no values: whatever asks for one raises."""
    model, batch = case(
        tmp_path, store, position_encoding="learned", num_learned_positions=20, qk_norm=True
    )
    model = model.to("meta")
    model.attention_backend = "reference"
    batch = {name: values.to("meta") for name, values in batch.items()}
    config = TrainingConfig.from_mapping(TRAINING | {"optimizer": optimizer})
    undivided, state = UndividedGradient(model, torch.bfloat16), TrainingState()
    group = OptimizerGroup(model, config)
    for update in range(2):
        loss, accuracy = undivided(batch)
        norm = group.step(update)
        state.accumulate(loss, accuracy)
    assert norm.is_meta
    with pytest.raises(RuntimeError, match="meta"):
        state.take_means()
