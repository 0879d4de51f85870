"""The objectives: predict the next action of the learning history, or the one that was right there.

Algorithm Distillation predicts what the learner did next. Where histories are labelled, a model may
be trained on their labels instead: it reads what was done, and is asked what had been right.

Source: Laskin et al. 2022 (arXiv 2210.14215), equation 4: the negative log-likelihood of every
action, given the whole history before it and the observation it was taken on; Lee et al. 2023
(arXiv 2306.14892), equation 2, of the optimal action.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from adfast.tasks.transition_schema import LABEL


def asked_action(batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """What a model is to predict `[B, T]`: the labels of a batch that has some, else the actions.

    `BatchSource` puts labels into a batch where the objective is "optimal-action".
    """
    return batch[LABEL] if LABEL in batch else batch["action"]


def next_action_loss(
    logits: torch.Tensor, action: torch.Tensor, label_smoothing: float = 0.0
) -> torch.Tensor:
    """The mean negative log-likelihood in nats of `action` `[B, T]` under `logits` `[B, T, A]`.

    With `label_smoothing` that share of it is the mean over all actions.
    """
    return functional.cross_entropy(
        logits.flatten(0, -2), action.flatten().long(), label_smoothing=label_smoothing
    )


@torch.no_grad()
def next_action_accuracy(logits: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    """The share of positions at which the likeliest action is the one taken."""
    return (logits.argmax(-1) == action).float().mean()
