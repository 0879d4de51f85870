"""Fifty updates in one process of a group that shares contexts: for `test_context_ranks.py`."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from adfast.attention import ContextShare
from adfast.models.config import ModelConfig
from adfast.models.transformer import Transformer
from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema
from adfast.training.config import TrainingConfig
from adfast.training.objective import next_action_loss
from adfast.training.optimizer import OptimizerGroup

UPDATES = 50
LENGTH = 31
SCHEMA = TransitionSchema(DiscreteObservation((9, 7)), num_actions=5, episode_length=6)


def batch_of(update: int) -> dict[str, torch.Tensor]:
    """Rows `[3, LENGTH]` in which the action follows from what was seen before."""
    generator = torch.Generator().manual_seed(update)
    seen = torch.randint(7, (3, LENGTH, 2), generator=generator)
    return {
        "observation": seen.short(),
        "next_observation": seen.roll(-1, dims=1).short(),
        "action": (seen[..., 0] + seen[..., 1].roll(3, dims=1)).remainder(5).to(torch.uint8),
        "reward": torch.randint(2, (3, LENGTH), generator=generator).to(torch.uint8),
        "episode_step": (torch.arange(LENGTH) % 6).expand(3, -1).short(),
    }


def losses_of(group: dist.ProcessGroup | None, dtype: str, settings: dict[str, Any]) -> list[float]:
    """The loss of each update, in one process where there is no group."""
    precision = getattr(torch, dtype)
    config = ModelConfig(
        width=16, feed_forward_width=32, attention_window=12, position_encoding="rope"
    )
    model = Transformer(config, SCHEMA, seed=0).to(precision)
    optimizer = OptimizerGroup(model, TrainingConfig(updates=UPDATES, **settings))
    optimizer.muon_precision = None if optimizer.muon is None else "float32"
    losses = []
    for update in range(UPDATES):
        losses.append(float(differentiate(model, batch_of(update), group)))
        optimizer.step(update)
    return losses


def differentiate(
    model: Transformer, batch: dict[str, torch.Tensor], group: dist.ProcessGroup | None
) -> torch.Tensor:
    """The mean loss of all processes' shares; leaves its gradient in the parameters."""
    model.zero_grad()
    share = None if group is None else ContextShare.of(group, LENGTH)
    if share is None:
        loss = next_action_loss(model(batch), batch["action"])
        loss.backward()
        return loss.detach()
    own = batch["action"][:, share.first : share.last]
    loss = next_action_loss(model(batch, share=share), own) * share.part
    loss.backward()
    mean = loss.detach().clone()
    for values in (mean, *(parameter.grad for parameter in model.parameters())):
        dist.all_reduce(values, group=group)
    return mean


def beside_one_process(
    group: dist.ProcessGroup, cases: list[tuple[str, dict[str, Any]]]
) -> list[dict[str, float]]:
    """Of each case the largest difference of a loss, and the first and the last."""
    results = []
    for dtype, settings in cases:
        shared, alone = losses_of(group, dtype, settings), losses_of(None, dtype, settings)
        error = max(abs(one - other) for one, other in zip(shared, alone, strict=True))
        results.append({"error": error, "first": shared[0], "last": shared[-1]})
    return results
