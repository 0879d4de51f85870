"""A training from a live ring that takes a second, in a ring that keeps an eighth of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from adfast.collection.live_ring import LiveRing
from adfast.collection.live_schedule import plan_live_schedule
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.training.batches.batches import BatchSource
from adfast.training.config import TrainingConfig
from adfast.training.loop import Trainer, TrainingHooks
from collection.small_collection import make_plan

SEED = 5
MODEL = ModelConfig(num_layers=1, width=16, num_heads=2, feed_forward_width=32, attention_window=10)
TRAINING = TrainingConfig(
    updates=80, batch_size=4, context_length=20, threads=1, metrics_every=3, checkpoint_every=4
)
RING = {"live": True, "live_capacity": 450, "block_histories": 5}


def train(acknowledge: Callable[[int], None], directory: Path, settings: dict[str, Any]) -> None:
    """Train on from the newest checkpoint; acknowledges the update of every checkpoint."""
    torch.set_num_threads(1)
    config = TRAINING
    plan = make_plan(**(RING | settings))
    schedule = plan_live_schedule(
        plan,
        num_draws=config.updates,
        sampled_transitions=config.batch_size * config.context_length,
    )
    model = Transformer(MODEL, plan.family.transition_schema, SEED)

    def on_update(state: Any, row: Any) -> None:
        if state.update % config.checkpoint_every == 0:
            acknowledge(state.update)

    with LiveRing(plan, schedule) as ring:
        batches, hooks = BatchSource(ring, config, SEED), TrainingHooks(on_update=on_update)
        Trainer(model, batches, config, directory, seed=SEED, hooks=hooks).run(resume=True)
