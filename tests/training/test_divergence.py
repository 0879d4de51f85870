"""Training that meets a number that is not finite stops and spoils nothing."""

import numpy as np
import pytest
import torch

from adfast import histories
from adfast.errors import CheckpointError, NotFinite
from adfast.models.checkpoint import load_model, read_tensors, write_tensors
from adfast.models.config import ModelConfig
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource
from adfast.training.checkpoints.checkpoints import newest_checkpoint
from adfast.training.config import TrainingConfig
from adfast.training.divergence import DivergenceWatch
from adfast.training.loop import TrainingHooks
from adfast.training.metrics import read_metrics
from adfast.training.train import train
from training.tiny_training import make_trainer, random_store

BAD_UPDATE = 7  # counted from 1; checkpoints are due after 4, 8 and 12


class SpoiledBatches(BatchSource):
    """In the batch of one update the loss of a row is no number: its last action has no logit."""

    def __call__(self, update):
        batch = super().__call__(update)
        if update == BAD_UPDATE - 1:
            self.model.head.data[0, 0] = torch.nan
        return batch


def spoiled_trainer(directory, *, asks_at_once=True, **settings):
    store = random_store()
    trainer = make_trainer(directory, store=store, **settings)
    trainer.batch_of = SpoiledBatches(store, trainer.config, trainer.seed)
    trainer.batch_of.model = trainer.model
    trainer.watch.is_free = asks_at_once
    return trainer


@pytest.mark.parametrize("asks_at_once", [True, False])
def test_training_stops_says_the_update_and_keeps_the_last_good_checkpoint(tmp_path, asks_at_once):
    """A device is asked before rows and checkpoints alone, and names the same update."""
    with pytest.raises(NotFinite) as first:
        spoiled_trainer(tmp_path, asks_at_once=asks_at_once, metrics_every=1000).run()
    assert f"stopped at update {BAD_UPDATE}: the loss or its gradient" in str(first.value)
    assert "the last good checkpoint is" in str(first.value)
    kept = list((tmp_path / "checkpoints").iterdir())
    assert [path.name for path in kept] == ["update-00000004.safetensors"]
    assert all(p.isfinite().all() for p in load_model(kept[0]).parameters())
    with pytest.raises(NotFinite) as again:
        spoiled_trainer(tmp_path, asks_at_once=asks_at_once, metrics_every=1000).run(resume=True)
    assert str(again.value) == str(first.value)


@pytest.mark.parametrize("asks_at_once", [True, False])
def test_no_row_of_metrics_and_no_evaluation_follows(tmp_path, asks_at_once):
    evaluated = []
    hooks = TrainingHooks(evaluate=lambda model: evaluated.append(1) or 0.0)
    with pytest.raises(NotFinite, match="update 7"):
        spoiled_trainer(tmp_path, asks_at_once=asks_at_once, hooks=hooks, evaluate_every=3).run()
    assert [row["update"] for row in read_metrics(tmp_path / "metrics.jsonl")] == [3, 6]
    assert len(evaluated) == 2


def test_before_the_first_checkpoint_there_is_none(tmp_path):
    with pytest.raises(NotFinite, match="there is no checkpoint yet; look for rewards"):
        spoiled_trainer(tmp_path, checkpoint_every=100).run()
    assert newest_checkpoint(tmp_path / "checkpoints") is None


def test_an_update_that_is_not_finite_is_not_applied_on_the_processor(tmp_path):
    trainer = spoiled_trainer(tmp_path)
    with pytest.raises(NotFinite):
        trainer.run()
    spoiled = [name for name, p in trainer.model.named_parameters() if not p.isfinite().all()]
    assert spoiled == ["head"]  # by the test itself


@pytest.mark.parametrize("spoil", ["weights", "optimiser"])
def test_weights_that_are_not_finite_are_never_written(tmp_path, spoil):
    trainer = make_trainer(tmp_path, store=random_store())

    def spoil_at_the_end(state, row):
        if state.update == 11:
            head = trainer.model.head
            spoiled = head if spoil == "weights" else trainer.optimizer.optimizers[0].state[head]
            (spoiled if spoil == "weights" else spoiled["exp_avg"]).data[0, 0] = torch.inf

    trainer.hooks = TrainingHooks(on_update=spoil_at_the_end)
    with pytest.raises(NotFinite, match="update 12"):
        trainer.run()
    assert newest_checkpoint(tmp_path / "checkpoints").name == "update-00000008.safetensors"


def test_a_checkpoint_that_is_not_finite_is_not_gone_on_with(tmp_path):
    make_trainer(tmp_path, store=random_store()).run()
    newest = newest_checkpoint(tmp_path / "checkpoints")
    tensors, metadata = read_tensors(newest)
    tensors["head"][0, 0] = torch.nan
    write_tensors(newest, tensors, metadata)
    with pytest.raises(CheckpointError, match="head holds numbers that are not finite; delete"):
        make_trainer(tmp_path, store=random_store(), updates=20).run(resume=True)
    with pytest.raises(CheckpointError, match="head holds numbers that are not finite; use an"):
        load_model(newest)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_reward_that_is_no_number_spoils_no_model(tmp_path, value):
    schema, shape = TransitionSchema(DiscreteObservation((4,)), 3, 20, "float32"), (4, 60)
    arrays = {name: np.zeros_like(a) for name, a in schema.allocate(*shape).items()}
    arrays["reward"][:] = np.random.default_rng(0).normal(size=shape)
    arrays["episode_step"][:] = np.arange(60) % 20
    store = histories.from_arrays(schema, arrays, np.full(4, 60))
    arrays["reward"][1, 7] = value  # after it was checked: the store keeps these arrays
    with pytest.raises((NotFinite, ValueError), match="finite"):
        train(
            store,
            tmp_path,
            model=ModelConfig(width=16, num_heads=2, feed_forward_width=16),
            training=TrainingConfig(updates=20, batch_size=8, context_length=40, threads=1),
        )
    assert newest_checkpoint(tmp_path / "checkpoints") is None


def test_a_device_is_told_without_an_answer():
    """A meta tensor has no values: whatever asks for one raises."""
    watch = DivergenceWatch(torch.device("meta"))
    for update in range(3):
        watch.note(update, torch.zeros((), device="meta"), torch.zeros((), device="meta"))
    assert not watch.is_free


@pytest.mark.parametrize(
    ("losses", "norms", "first"),
    [
        ([1, 2, 3], [1, 1, 1], None),
        ([1, torch.nan, 3], [1, 1, 1], 2),
        ([1, 2, 3], [1, 1, torch.inf], 3),
        ([torch.inf, torch.nan, torch.nan], [torch.nan] * 3, 1),
    ],
)
def test_the_first_is_kept(losses, norms, first):
    watch = DivergenceWatch(torch.device("cpu"))
    for update, (loss, norm) in enumerate(zip(losses, norms, strict=True)):
        watch.note(update, torch.tensor(float(loss)), torch.tensor(float(norm)))
    assert watch.first() == first
