"""train: a model from any histories, real inputs normalised by them."""

import shutil

import numpy as np
import pytest
import torch

from adfast import histories
from adfast.errors import CheckpointError, InvalidArgument
from adfast.evaluation.agents.agent import load
from adfast.models.config import ModelConfig
from adfast.tasks.fields import Field
from adfast.tasks.observation import RealObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.config import TrainingConfig
from adfast.training.loop import TrainingHooks
from adfast.training.metrics import read_metrics
from adfast.training.train import train

MODEL = ModelConfig(num_layers=1, width=16, feed_forward_width=32, attention_window=8)
SCHEMA = TransitionSchema(RealObservation("float64", (3,)), 2, 10, "float32")


def store_of_rules(transitions=4000):
    """Histories in which the action is whether the first component is above its mean, 1000."""
    random = np.random.default_rng(0)
    observation = random.normal([1000.0, 0.0, 5.0], [0.1, 1e4, 0.0], (transitions, 3))
    arrays = {
        "observation": observation,
        "action": (observation[:, 0] > 1000).astype(np.uint8),
        "reward": random.choice([-40.0, 40.0], transitions).astype(np.float32),
        "next_observation": np.roll(observation, -1, 0),
        "boundary": np.where(np.arange(transitions) % 10 == 9, 2, 0).astype(np.uint8),
        "episode_step": (np.arange(transitions) % 10).astype(np.uint16),
    }
    return histories.from_arrays(SCHEMA, arrays, np.array([transitions]))


def settings(updates):
    return TrainingConfig(
        updates=updates, batch_size=8, context_length=16, threads=1, checkpoint_every=30
    )


def test_real_observations_are_learned_from_whatever_their_units(tmp_path):
    store = store_of_rules()
    model = train(store, tmp_path, model=MODEL, training=settings(100), seed=1)
    real = model.embedding.real
    torch.testing.assert_close(real.mean[0], torch.tensor(1000.0), atol=0.01, rtol=0)
    torch.testing.assert_close(1 / real.scale[:2], torch.tensor([0.1, 1e4]), atol=0, rtol=0.05)
    assert real.scale[2] == 1
    torch.testing.assert_close(model.embedding.reward_scale, torch.tensor(1 / 40))
    batch = {
        name: torch.from_numpy(rows) for name, rows in store.sample(32, 16, seed=5, draw=0).items()
    }
    with torch.no_grad():
        predicted = model(batch).argmax(-1)
    assert (predicted == batch["action"]).float().mean() > 0.9
    assert torch.equal(load(tmp_path).model.embedding.real.mean, real.mean)


def test_resumed_training_is_the_uninterrupted_one(tmp_path):
    whole = train(store_of_rules(), tmp_path / "a", model=MODEL, training=settings(60))
    train(store_of_rules(), tmp_path / "b", model=MODEL, training=settings(60))
    newest = max((tmp_path / "b" / "checkpoints").iterdir())
    newest.unlink()
    with pytest.raises(CheckpointError, match="holds checkpoints of an earlier training"):
        train(store_of_rules(), tmp_path / "b", model=MODEL, training=settings(60))
    resumed = train(
        store_of_rules(), tmp_path / "b", model=MODEL, training=settings(60), resume=True
    )
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_rows_that_are_no_transitions_are_refused(tmp_path):
    schema = histories.FieldSchema({"token": Field(np.dtype(np.uint8))})
    store = histories.from_arrays(schema, {"token": np.zeros(9, np.uint8)}, np.array([9]))
    with pytest.raises(InvalidArgument, match="must be of transitions to train on, got fields tok"):
        train(store, tmp_path)


def test_training_begun_anew_where_one_was_normalises_anew(tmp_path):
    """What begins deletes the earlier checkpoints, so that nothing is there to go on from."""
    first = train(store_of_rules(), tmp_path, model=MODEL, training=settings(30))

    def start_over(trainer):
        trainer.batch_of(0)
        shutil.rmtree(trainer.checkpoint_directory)

    hooks = TrainingHooks(on_begin=start_over)
    again = train(
        store_of_rules(), tmp_path, model=MODEL, training=settings(30), resume=True, hooks=hooks
    )
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_hooks_see_the_model_and_the_finished_training(tmp_path):
    seen = []
    hooks = TrainingHooks(
        evaluate=lambda model: float(model.embedding.reward_scale),
        on_end=lambda trainer: seen.append(trainer.state.update),
    )
    config = settings(30).model_copy(update={"evaluate_every": 15})
    train(store_of_rules(), tmp_path, model=MODEL, training=config, hooks=hooks)
    assert seen == [30]
    rows = [row.get("validation_return") for row in read_metrics(tmp_path / "metrics.jsonl")]
    assert rows[-1] == pytest.approx(1 / 40)
