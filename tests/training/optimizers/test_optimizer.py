"""The schedule's values, who optimises what, and state that survives a checkpoint."""

import pytest
import torch

from adfast.errors import CheckpointError
from adfast.machine import processor
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.config import TrainingConfig
from adfast.training.optimizers.batched_muon import BatchedMuon
from adfast.training.optimizers.optimizer import OptimizerGroup, rate_multiplier
from training.tiny_training import MODEL, SCHEMA


@pytest.fixture
def model():
    return Transformer(ModelConfig.from_mapping(MODEL), SCHEMA, seed=0)


def backward(model):
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)


@pytest.mark.parametrize(
    ("update", "multiplier"),
    [(0, 0.25), (1, 0.5), (3, 1.0), (4, 1.0), (49, 1.0), (50, 1.0), (75, 0.5), (99, 0.02)],
)
def test_rate_warms_up_stays_and_falls_to_zero_after_the_last_update(update, multiplier):
    config = TrainingConfig(updates=100, warmup_updates=4, decay_start=0.5)
    assert rate_multiplier(update, config) == pytest.approx(multiplier)
    assert rate_multiplier(100, config) == 0.0


def test_rate_may_fall_as_half_a_cosine():
    config = TrainingConfig(updates=100, warmup_updates=0, decay_start=0.5, decay="cosine")
    rates = [rate_multiplier(update, config) for update in (49, 50, 75, 100)]
    assert rates == pytest.approx([1.0, 1.0, 0.5, 0.0])
    assert rate_multiplier(60, config) > 0.8


def test_schedule_without_warm_up_or_decay_is_constant():
    config = TrainingConfig(updates=10, warmup_updates=0, decay_start=1.0)
    assert {rate_multiplier(update, config) for update in range(10)} == {1.0}


def test_schedule_reaches_both_optimisers(model):
    config = TrainingConfig(updates=4, warmup_updates=2, learning_rate=1.0, muon_learning_rate=0.1)
    group = OptimizerGroup(model, config)
    backward(model)
    group.step(0)
    assert [optimizer.param_groups[0]["lr"] for optimizer in group.optimizers] == [0.5, 0.05]
    assert group.learning_rate == 0.5


def test_muon_gets_the_matrices_of_the_blocks_and_adamw_the_rest(model):
    adamw, muon = OptimizerGroup(model, TrainingConfig()).optimizers
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    matrices = {names[id(parameter)] for parameter in muon.param_groups[0]["params"]}
    others = {names[id(parameter)] for parameter in adamw.param_groups[0]["params"]}
    assert isinstance(muon, BatchedMuon)
    assert matrices
    assert all(name.startswith("blocks.") for name in matrices)
    assert all(dict(model.named_parameters())[name].ndim == 2 for name in matrices)
    assert {"head", "embedding.table"} <= others
    assert matrices | others == set(names.values())
    assert not matrices & others


def test_adamw_takes_all_on_request(model):
    (adamw,) = OptimizerGroup(model, TrainingConfig(optimizer="adamw")).optimizers
    assert len(adamw.param_groups[0]["params"]) == len(list(model.parameters()))


def test_gradients_are_clipped_to_the_norm_that_is_returned_before(model):
    group = OptimizerGroup(model, TrainingConfig(clip=0.5))
    backward(model)
    before = group.step(0)
    after = torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).norm()
    assert before == pytest.approx(sum(p.numel() for p in model.parameters()) ** 0.5)
    assert after == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_state_can_be_carried_to_another_group(model, optimizer):
    config = TrainingConfig(optimizer=optimizer)
    group = OptimizerGroup(model, config)
    backward(model)
    group.step(0)
    other = OptimizerGroup(model, config)
    other.load_state_tensors(group.state_tensors())
    for name, tensor in group.state_tensors().items():
        assert torch.equal(tensor, other.state_tensors()[name])
        assert tensor is not other.state_tensors()[name]


def test_incomplete_state_is_refused(model):
    group = OptimizerGroup(model, TrainingConfig())
    backward(model)
    group.step(0)
    tensors = group.state_tensors()
    del tensors["head/exp_avg"]
    with pytest.raises(CheckpointError, match='optimizer state "head/exp_avg" is missing'):
        OptimizerGroup(model, TrainingConfig()).load_state_tensors(tensors)


@pytest.mark.parametrize(("is_fast", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_muon_computes_in_what_the_processor_multiplies_fast(
    model, monkeypatch, is_fast, precision
):
    monkeypatch.setattr(processor, "multiplies_bfloat16_fast", lambda: is_fast)
    group = OptimizerGroup(model, TrainingConfig())
    assert group.muon_precision == precision
    assert group.muon.precision == getattr(torch, precision)
    assert OptimizerGroup(model, TrainingConfig(optimizer="adamw")).muon_precision is None


def test_an_unknown_precision_of_muon_is_refused(model):
    with pytest.raises(CheckpointError, match="muon_precision must be one of bfloat16, float32"):
        OptimizerGroup(model, TrainingConfig()).muon_precision = "float8"
