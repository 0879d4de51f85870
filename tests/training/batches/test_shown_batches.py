"""Batches of rendered observations are drawn ahead of a device, just what a model looks at."""

import numpy as np
import torch

from adfast import histories, tasks
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.batches.batches import BatchSource
from adfast.training.batches.shown_batches import shown_batches
from adfast.training.config import TrainingConfig
from training.tiny_training import MODEL, TRAINING, random_store

MAZE = tasks.make("water-maze", picture=(9, 12), episode_length=5)


def maze_batches():
    generator, shape = np.random.default_rng(0), (6, 60)
    sizes, step = MAZE.transition_schema.observation.pose.sizes, np.arange(60) % 5
    poses = generator.integers(0, sizes, (2, *shape, 3), np.uint16)
    arrays = {
        "observation": poses[0],
        "action": generator.integers(0, 8, shape, np.uint8),
        "reward": generator.integers(0, 2, shape, np.uint8),
        "next_observation": poses[1],
        "boundary": np.broadcast_to(np.where(step == 4, 2, 0), shape).astype(np.uint8),
        "episode_step": np.broadcast_to(step, shape).astype(np.uint16),
    }
    store = histories.from_arrays(MAZE.transition_schema, arrays, np.full(6, 60))
    return BatchSource(store, TrainingConfig(**TRAINING), seed=0)


def test_drawn_batches_are_what_a_model_draws_itself():
    batches, schema = maze_batches(), MAZE.transition_schema
    model = Transformer(ModelConfig(**MODEL), schema, seed=0)
    torch.nn.init.normal_(model.head, generator=torch.Generator().manual_seed(0))
    with shown_batches(batches, schema.observation) as shown, torch.no_grad():
        drawn = shown(3)
        assert drawn["observation"].shape == (4, 20, 9, 12, 3)
        assert torch.equal(model(drawn), model(batches(3)))
        shown.fill(4, {name: values.numpy() for name, values in drawn.items()})
        assert torch.equal(model(drawn), model(batches(4)))
    scene = schema.observation.scene
    np.testing.assert_array_equal(
        drawn["observation"][2].numpy(), scene.render(batches(4)["observation"][2].numpy())
    )


def test_batches_that_an_agent_reads_as_they_are_stored_are_left():
    store = random_store()
    batches = BatchSource(store, TrainingConfig(**TRAINING), seed=0)
    with shown_batches(batches, store.schema.observation) as shown:
        assert shown is batches
