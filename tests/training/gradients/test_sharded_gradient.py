"""Threads on slices of the rows give the gradient of the whole batch, and the same every time."""

import pytest
import torch

from adfast.training.gradients.objective import next_action_accuracy, next_action_loss
from adfast.training.gradients.sharded_gradient import ShardedGradient, gradients
from training.tiny_training import TRAINING, make_trainer, random_store

ROWS = TRAINING["batch_size"]


@pytest.fixture(scope="module")
def store():
    return random_store()


def trainer_of(tmp_path, store, **settings):
    trainer = make_trainer(tmp_path, store=store, **settings)
    with torch.no_grad():  # a head of zeros would leave most gradients zero
        trainer.model.head.normal_(generator=torch.Generator().manual_seed(0))
    return trainer


@pytest.mark.parametrize("num_shards", [1, 2, 3, ROWS, ROWS + 3])
def test_gradient_is_that_of_the_undivided_batch(tmp_path, store, num_shards):
    trainer = trainer_of(tmp_path, store)
    model, batch = trainer.model, trainer.batch_of(0)
    logits = model(batch)
    expected_loss = next_action_loss(logits, batch["action"])
    expected_loss.backward()
    expected = [gradient.clone() for gradient in gradients(model)]
    sharded = ShardedGradient(model, num_shards)
    for _ in range(2):  # gradients are replaced, not added to
        loss, accuracy = sharded(batch)
        torch.testing.assert_close(gradients(model), expected, rtol=1e-4, atol=1e-6)
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-6)
    assert accuracy.item() == pytest.approx(next_action_accuracy(logits, batch["action"]).item())
    sharded.close()


def test_gradient_repeats_bit_for_bit_and_follows_the_parameters(tmp_path, store):
    trainer = trainer_of(tmp_path, store)
    model, batch = trainer.model, trainer.batch_of(0)
    sharded, again = ShardedGradient(model, 2), ShardedGradient(model, 2)
    for _ in range(3):
        loss, _ = sharded(batch)
        first = [gradient.clone() for gradient in gradients(model)]
        repeated, _ = again(batch)
        assert torch.equal(loss, repeated)
        assert all(map(torch.equal, first, gradients(model)))
        with torch.no_grad():  # what an optimiser does reaches every replica
            for parameter in model.parameters():
                parameter.sub_(0.1 * parameter.grad)
    assert loss != sharded(batch)[0]


def test_every_shard_drops_out_and_draws_its_own(tmp_path, store):
    trainer = trainer_of(tmp_path, store, model={"sequence_mask": 0.5})
    batch = {
        name: values[:1].repeat_interleave(2, 0) for name, values in trainer.batch_of(0).items()
    }
    sharded = ShardedGradient(trainer.model, 2)
    losses = {seed: sharded(batch, seed)[0].item() for seed in (1, 2)}
    assert losses[1] != losses[2]
    assert sharded(batch, 1)[0].item() == losses[1]
    undivided = ShardedGradient(trainer.model, 1)
    alone = {name: values[:1] for name, values in batch.items()}
    halves = [undivided(alone, seed)[0].item() for seed in (1, 2)]  # rows 0 and 1 add their place
    assert losses[1] == pytest.approx(sum(halves) / 2, rel=1e-6)
    assert halves[0] != halves[1]


def test_model_in_evaluation_mode_is_trained_with_dropout_in_every_replica(tmp_path, store):
    settings = {"store": store, "threads": 2, "model": {"sequence_mask": 0.5}}
    states = []
    for name in ("as built", "as loaded"):
        trainer = make_trainer(tmp_path / name, **settings)
        if name == "as loaded":
            trainer.model.eval()
        trainer.run()
        states.append(trainer.model.state_dict())
    assert all(map(torch.equal, states[0].values(), states[1].values()))
