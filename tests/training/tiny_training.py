"""A training that takes milliseconds: random histories, a model of one layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from adfast import histories
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.loop import Trainer, TrainingHooks

EPISODE_LENGTH = 5
SCHEMA = TransitionSchema(DiscreteObservation((4, 4)), 5, EPISODE_LENGTH)
MODEL = {
    "num_layers": 1,
    "width": 16,
    "num_heads": 2,
    "feed_forward_width": 32,
    "attention_window": 10,
}
TRAINING = {
    "updates": 12,
    "batch_size": 4,
    "context_length": 20,
    "warmup_updates": 2,
    "threads": 1,
    "metrics_every": 3,
    "checkpoint_every": 4,
}


def random_store(num_histories: int = 6, episodes: int = 6) -> histories.HistoryStore:
    """Histories of random transitions, whose actions the row observed predicts."""
    generator = np.random.default_rng(3)
    shape = (num_histories, episodes * EPISODE_LENGTH)
    observation = generator.integers(0, 4, (*shape, 2), np.uint8)
    step = np.broadcast_to(np.arange(shape[1]) % EPISODE_LENGTH, shape)
    arrays = {
        "observation": observation,
        "action": observation[..., 0].copy(),
        "reward": generator.integers(0, 2, shape, np.uint8),
        "next_observation": generator.integers(0, 4, (*shape, 2), np.uint8),
        "boundary": np.where(step == EPISODE_LENGTH - 1, 2, 0).astype(np.uint8),
        "episode_step": np.ascontiguousarray(step, np.uint16),
    }
    return histories.from_arrays(SCHEMA, arrays, np.full(num_histories, shape[1]))


def make_trainer(
    directory: Path,
    *,
    hooks: TrainingHooks | None = None,
    seed: int = 5,
    model: dict[str, Any] | None = None,
    store: histories.HistoryStore | None = None,
    **settings: Any,
) -> Trainer:
    """A trainer whose settings differ from `MODEL` and `TRAINING` as said."""
    config = TrainingConfig.from_mapping(TRAINING | settings)
    transformer = Transformer(ModelConfig.from_mapping(MODEL | (model or {})), SCHEMA, seed)
    batches = BatchSource(store or random_store(), config, seed)
    return Trainer(transformer, batches, config, directory, seed=seed, hooks=hooks)


def train_and_acknowledge(
    acknowledge: Callable[[int], None], directory: Path, settings: dict[str, Any]
) -> None:
    """Train on from the newest checkpoint; acknowledges the update of every checkpoint."""
    torch.set_num_threads(1)

    def on_update(state: Any, row: Any) -> None:
        if state.update % settings["checkpoint_every"] == 0:
            acknowledge(state.update)

    make_trainer(directory, hooks=TrainingHooks(on_update=on_update), **settings).run(resume=True)
