"""PPO's parts equal their definitions."""

import numpy as np
import pytest
import torch

from adfast.baselines.rl2 import workers as workers_of_rl2
from adfast.baselines.rl2.ppo import advantages, learn_from, minibatches, ppo_losses
from adfast.baselines.rl2.trials import play_trials
from adfast.baselines.rl2.workers import Workers
from baselines.rl2.tiny_rl2 import BODIES, FAMILY, TASKS, config, random_policy
from reference import ppo as reference


def lessons_of(policy, settings):
    return learn_from(play_trials(policy, FAMILY, np.array(TASKS), 7, np.arange(9), 12), settings)


def test_advantages_equal_their_definition():
    generator = np.random.default_rng(0)
    reward, value = generator.normal(size=(2, 4, 9))
    found = advantages(torch.from_numpy(reward), torch.from_numpy(value), 0.9, 0.8)
    expected = [reference.advantages(r, v, 0.9, 0.8) for r, v in zip(reward, value, strict=True)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_minibatches_have_every_environment_once():
    parts = minibatches(10, 4, seed=1, stream=0)
    assert sorted(torch.cat(parts).tolist()) == list(range(10))
    assert [len(part) for part in parts] == [3, 3, 2, 2]
    assert torch.cat(parts).tolist() != torch.cat(minibatches(10, 4, 1, 1)).tolist()
    assert len(minibatches(2, 4, 1, 0)) == 2


@pytest.mark.parametrize("body", BODIES)
def test_the_first_gradient_is_the_policy_gradient(body):
    settings = config(**BODIES[body], value_weight=0.0)
    policy = random_policy(**BODIES[body])
    lessons = lessons_of(policy, settings)
    loss, parts = ppo_losses(policy, lessons, settings, entropy_weight=0.0)
    found = torch.autograd.grad(loss, policy.head if body != "transformer" else policy.body.head)
    outputs = policy(lessons.fields)
    taken = outputs[..., :-1].log_softmax(-1).gather(-1, lessons.fields["action"].long()[..., None])
    plain = -(taken[..., 0] * lessons.advantage).mean()
    expected = torch.autograd.grad(
        plain, policy.head if body != "transformer" else policy.body.head
    )
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-3)
    assert parts["clipped"] == 0
    assert float(parts["divergence"]) == pytest.approx(0.0, abs=1e-6)


def test_what_went_too_far_is_learned_no_further():
    settings = config(value_weight=0.0)
    policy = random_policy()
    lessons = lessons_of(policy, settings)
    lessons.log_probability.sub_(1.0)  # all that was done is much more probable now
    lessons.advantage.abs_()
    loss, parts = ppo_losses(policy, lessons, settings, entropy_weight=0.0)
    loss.backward()
    assert parts["clipped"] == 1
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in policy.parameters())


@pytest.mark.parametrize("body", BODIES)
def test_threads_and_pieces_add_up_to_one_gradient(body, monkeypatch):
    settings = config(**BODIES[body])
    rows = torch.tensor([8, 1, 2, 5, 6])
    found = []
    for threads, piece in ((1, 64), (3, 64), (1, 2), (2, 1)):
        monkeypatch.setattr(workers_of_rl2, "PIECE_TRIALS", piece)
        policy = random_policy(**BODIES[body])
        lessons = lessons_of(policy, settings)
        with Workers(policy, threads) as workers:
            parts = workers.differentiate(lessons, rows, settings, 0.01)
        found.append((parts, [p.grad for p in policy.parameters() if p.grad is not None]))
    for other in found[1:]:
        torch.testing.assert_close(found[0], other, atol=1e-6, rtol=1e-4)
    loss, _ = ppo_losses(policy, lessons.part(rows), settings, 0.01)
    torch.testing.assert_close(found[0][0]["loss"], loss.detach())
