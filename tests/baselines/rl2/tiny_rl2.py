"""Trainings of RL2 that take milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from adfast import tasks
from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.policy import Policy, make_policy
from adfast.baselines.rl2.train import RL2Hooks, RL2Trainer
from adfast.models.config import ModelConfig
from adfast.tasks.transition_schema import TransitionSchema

FAMILY = tasks.make("dark-room", size=3, episode_length=4)
ENDING_FAMILY = tasks.make(
    "dark-room", size=3, episode_length=6, start="random", terminate_at_goal=True
)
TASKS = [0, 2, 5, 7]
MODEL = ModelConfig(num_layers=2, width=8, num_heads=2, feed_forward_width=16, attention_window=30)
RL2 = {
    "steps": 8 * 12 * 6,  # six updates
    "environments": 8,
    "trial_episodes": 3,
    "width": 8,
    "minibatches": 2,
    "checkpoint_every": 4,
}
BODIES: dict[str, dict[str, Any]] = {
    "gru": {},
    "lstm": {"body": "lstm"},
    "two layers": {"num_layers": 2},
    "transformer": {"body": "transformer"},
}


def config(**settings: Any) -> RL2Config:
    return RL2Config.from_mapping(RL2 | settings)


def random_policy(schema: TransitionSchema = FAMILY.transition_schema, **settings: Any) -> Policy:
    """A policy whose head, too, is random."""
    policy = make_policy(config(**settings), MODEL, schema, seed=4)
    generator = torch.Generator().manual_seed(1)
    for parameter in policy.parameters():
        parameter.data += torch.randn(parameter.shape, generator=generator) * 0.3
    return policy


def make_trainer(directory: Path, hooks: RL2Hooks | None = None, **settings: Any) -> RL2Trainer:
    return RL2Trainer(
        FAMILY, TASKS, directory, rl2=config(**settings), model=MODEL, seed=3, hooks=hooks
    )


def train_and_acknowledge(acknowledge: Callable[[int], None], directory: Path) -> None:
    """Go on with a training, and say which updates are done."""
    hooks = RL2Hooks(on_update=lambda state, row: acknowledge(state.update))
    make_trainer(directory, hooks, checkpoint_every=1).run(resume=True)
