"""The objective of Algorithm Distillation: predict the next action of the learning history.

Source: Laskin et al. 2022 (arXiv 2210.14215), equation 4: the negative log-likelihood of every
action, given the whole history before it and the observation it was taken on.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def next_action_loss(logits: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """The mean negative log-likelihood in nats of `action` `[B, T]` under `logits` `[B, T, A]`."""
    return functional.cross_entropy(logits.flatten(0, -2).float(), action.flatten().long())


@torch.no_grad()
def next_action_accuracy(logits: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """The share of positions at which the likeliest action is the one taken."""
    return (logits.argmax(-1) == action).float().mean()
