"""The whole way in a small room: a frozen model learns goals that it never saw."""

import numpy as np
import pytest

from adfast import histories, tasks
from adfast.collection.collect import collect
from adfast.collection.config import CollectionConfig
from adfast.collection.plan import CollectionPlan
from adfast.evaluation.agents.agent import load
from adfast.evaluation.in_context import evaluate
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators.random_rollout import random_returns
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.loop import Trainer

SEED = 0
ROOM = tasks.make("dark-room", size=5, episode_length=10)
SPLIT = ROOM.split(5, SEED)
COLLECTION = CollectionConfig(
    histories_per_task=50,
    episodes=80,
    keep_every=5,
    options={
        "learning_rate": 0.5,
        "discount": 0.9,
        "epsilon_start": 0.3,
        "epsilon_end": 0.0,
        "epsilon_episodes": 80,
        "initial_value": 1.0,
    },
)
MODEL = ModelConfig(
    num_layers=2, width=64, num_heads=2, feed_forward_width=128, attention_window=100
)
TRAINING = TrainingConfig(updates=300, batch_size=16, context_length=100, threads=1)


def play(model):
    """Mean returns `[episodes]` on the held-out goals."""
    result = evaluate(model, ROOM, SPLIT.held_out, episodes=20, seeds=8, seed=SEED)
    return result.returns.mean(axis=(0, 1))


@pytest.mark.slow
def test_frozen_model_learns_unseen_goals_from_episode_to_episode(tmp_path):
    collect(CollectionPlan(ROOM, SPLIT.train, COLLECTION, SEED), tmp_path / "histories")
    store = histories.open(tmp_path / "histories")
    model = Transformer(MODEL, ROOM.transition_schema, SEED)
    untrained = play(model)
    Trainer(model, BatchSource(store, TRAINING, SEED), TRAINING, tmp_path, seed=SEED).run()
    agent = load(tmp_path)
    weights = {name: tensor.clone() for name, tensor in agent.model.state_dict().items()}
    returns = play(agent.model)

    random = random_returns(ROOM, SPLIT.held_out, 200, SEED).mean()
    optimum = ROOM.optimal_return(SPLIT.held_out).mean()
    first, last = returns[0], returns[-5:].mean()
    assert first <= 2.0  # it does not know the goals...
    assert last >= 0.45 * optimum  # ...and finds them
    assert last >= 3 * first
    assert last >= 4 * random
    # The gain comes from training, not from the loop, and in context, not from the weights.
    assert untrained[-5:].mean() < 0.25 * optimum
    for name, tensor in agent.model.state_dict().items():
        np.testing.assert_array_equal(tensor, weights[name])
