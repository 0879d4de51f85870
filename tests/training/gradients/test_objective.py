"""The loss is the mean negative log-likelihood in nats, the accuracy the share of likeliest; what a
model is asked for are the actions of a batch, or its labels."""

import math

import pytest
import torch

from adfast.training.gradients.objective import asked_action, next_action_accuracy, next_action_loss

LOGITS = torch.tensor([[[0.0, 1.0, -1.0], [2.0, 0.5, 0.0]], [[0.0, 0.0, 3.0], [1.0, 4.0, 0.0]]])
ACTION = torch.tensor([[1, 2], [2, 1]], dtype=torch.uint8)


def test_loss_is_the_mean_negative_log_likelihood():
    expected = 0.0
    for row, actions in zip(LOGITS.tolist(), ACTION.tolist(), strict=True):
        for logits, action in zip(row, actions, strict=True):
            expected -= logits[action] - math.log(sum(math.exp(logit) for logit in logits))
    assert next_action_loss(LOGITS, ACTION).item() == pytest.approx(expected / 4)


def test_smoothed_labels_spread_a_share_over_all_actions():
    plain = next_action_loss(LOGITS, ACTION).item()
    everywhere = [
        next_action_loss(LOGITS, torch.full_like(ACTION, action)).item() for action in range(3)
    ]
    expected = 0.8 * plain + 0.2 * sum(everywhere) / 3
    assert next_action_loss(LOGITS, ACTION, 0.2).item() == pytest.approx(expected)


def test_uniform_logits_lose_the_logarithm_of_the_number_of_actions():
    loss = next_action_loss(torch.zeros(2, 3, 5), torch.zeros(2, 3, dtype=torch.uint8))
    assert loss.item() == pytest.approx(math.log(5))


def test_accuracy_counts_the_likeliest_actions():
    assert next_action_accuracy(LOGITS, ACTION).item() == 0.75


def test_labels_are_asked_for_where_a_batch_has_some():
    batch = {"action": ACTION}
    assert asked_action(batch) is ACTION
    assert asked_action(batch | {"label": ACTION + 1}).tolist() == (ACTION + 1).tolist()
