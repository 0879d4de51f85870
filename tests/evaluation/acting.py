"""Models that were never trained but do not act uniformly, and a loop for them to act in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from adfast import tasks
from adfast.evaluation.agents.agent import Agent
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.simulators import BatchSimulator
from adfast.tasks.family import TaskFamily

ROOM = tasks.make("dark-room", size=5, episode_length=10)
# Episodes start anywhere and end early.
TERMINATING_ROOM = tasks.make("dark-room", size=5, start="random", terminate_at_goal=True)


def random_model(family: TaskFamily, **settings: Any) -> Transformer:
    """A small model with random weights, its head included: its actions depend on the context."""
    shape = {"num_layers": 2, "width": 16, "num_heads": 2, "feed_forward_width": 32}
    config = ModelConfig.from_mapping(shape | {"attention_window": 15} | settings)
    model = Transformer(config, family.transition_schema, seed=0)
    with torch.no_grad():
        model.head.normal_(generator=torch.Generator().manual_seed(1))
    return model


def act(agent: Agent, simulator: BatchSimulator, steps: int) -> np.ndarray:
    """The actions int64 `[steps, N]` of an agent with an empty context."""
    actions = [agent.act(simulator.reset())]
    for _ in range(steps - 1):
        actions.append(agent.act(*simulator.step(actions[-1])))
    return np.stack(actions)
