"""PPO over whole trials: advantages, minibatches and the loss.

Source: Schulman et al. 2017, arXiv 1707.06347; Schulman et al. 2016, arXiv 1506.02438 (advantages).

Axes: E environments, T steps of a trial, A actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from adfast.baselines.rl2.config import RL2Config
from adfast.baselines.rl2.policy import Policy
from adfast.baselines.rl2.trials import Trials
from adfast.random_streams import MINIBATCH, step_keys, stream_keys


@dataclass(frozen=True)
class Lessons:
    """What trials teach: `[E, T]` each, beside the trials' `fields` `[E, T, *item]`."""

    fields: Mapping[str, Tensor]
    log_probability: Tensor  # of the action that was taken, when it was
    advantage: Tensor
    value: Tensor  # that the policy is to learn
    value_variance: Tensor  # of all of these, by which errors are measured

    def part(self, rows: Tensor) -> Lessons:
        """The lessons of the environments `rows`."""
        return Lessons(
            {name: values[rows] for name, values in self.fields.items()},
            self.log_probability[rows],
            self.advantage[rows],
            self.value[rows],
            self.value_variance,
        )


def learn_from(trials: Trials, config: RL2Config) -> Lessons:
    """The lessons of `trials`; advantages have mean 0 and deviation 1 over all of them."""
    logits, value = trials.outputs[..., :-1], trials.outputs[..., -1]
    advantage = advantages(
        trials.fields["reward"].float(), value, config.discount, config.gae_lambda
    )
    standard = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
    taken = log_probability(logits.log_softmax(-1), trials.fields["action"])
    target = advantage + value
    return Lessons(trials.fields, taken, standard, target, target.var() + 1e-8)


def advantages(reward: Tensor, value: Tensor, discount: float, gae_lambda: float) -> Tensor:
    """`[E, T]`: generalised advantages of what was earned over the `value` of each step.

    They cross the ends of episodes, since what is found out in one pays in the next. Nothing is
    earned after a trial's end.
    """
    value_after = F.pad(value[:, 1:], (0, 1))
    advantage = reward + discount * value_after - value  # of one step each
    steps = advantage.unbind(1)
    for step, following in zip(steps[-2::-1], steps[:0:-1], strict=True):
        step.add_(following, alpha=discount * gae_lambda)
    return advantage


def log_probability(log_probabilities: Tensor, action: Tensor) -> Tensor:
    """`[E, T]`: that of each `action` `[E, T]`, of all `[E, T, A]`."""
    return log_probabilities.gather(-1, action.long()[..., None])[..., 0]


def minibatches(environments: int, parts: int, seed: int, stream: int) -> list[Tensor]:
    """The environments in a random order, in `parts` of about the same size, none of them empty."""
    (offset,), (mask,) = stream_keys(seed, MINIBATCH, [stream])
    order = np.argsort(step_keys(offset, mask, environments), kind="stable")
    return [torch.from_numpy(part) for part in np.array_split(order, min(parts, environments))]


def ppo_losses(
    policy: Policy, lessons: Lessons, config: RL2Config, entropy_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss of PPO, and what it is made of."""
    outputs = policy(lessons.fields)
    log_probabilities = outputs[..., :-1].log_softmax(-1)
    taken = log_probability(log_probabilities, lessons.fields["action"])
    difference = taken - lessons.log_probability
    ratio = difference.exp()
    clipped = ratio.clamp(1 - config.clip, 1 + config.clip)
    policy_loss = -torch.minimum(ratio * lessons.advantage, clipped * lessons.advantage).mean()
    value_error = (outputs[..., -1] - lessons.value).square().mean() / lessons.value_variance
    entropy = -(log_probabilities.exp() * log_probabilities).sum(-1).mean()
    loss = policy_loss + config.value_weight * value_error - entropy_weight * entropy
    parts = {
        "policy_loss": policy_loss,
        "value_error": value_error,
        "entropy": entropy,
        "divergence": (ratio - 1 - difference).mean(),  # from the policy that acted
        "clipped": ((ratio - 1).abs() > config.clip).float().mean(),
    }
    return loss, {name: part.detach() for name, part in parts.items()}
