"""What was done is read in stretches, and valued by lambda-returns."""

import numpy as np
import pytest

from adfast.source_algorithms.neural.replay import Replay, Stretches, lambda_returns
from reference.lambda_returns import lambda_returns as plain_returns


def step_of(t, actors):
    """A step whose every value tells time and actor."""
    number = t * 10 + np.arange(actors)
    flag = np.zeros(actors, bool)
    return Stretches(
        number[:, None], flag, number, number.astype(np.float32), number[:, None] + 10, flag, flag
    )


def test_stretches_are_what_followed_each_other():
    replay = Replay(7, 3)
    for t in range(20):
        replay.append(step_of(t, 3))
    assert (replay.num_steps, replay.oldest()) == (20, 13)
    read = replay.read(np.array([13, 16]), np.array([2, 0]), 4)
    np.testing.assert_array_equal(read.action, [[132, 142, 152, 162], [160, 170, 180, 190]])
    np.testing.assert_array_equal(read.observation[..., 0], read.action)
    np.testing.assert_array_equal(read.next_observation[:, :-1], read.observation[:, 1:])


@pytest.mark.parametrize("trace", [0.0, 0.75, 1.0])
def test_returns_are_the_twins(trace):
    random = np.random.default_rng(3)
    rewards = random.integers(0, 2, (50, 12)).astype(np.float32)
    terminated = random.random((50, 12)) < 0.1
    is_end = terminated | (random.random((50, 12)) < 0.1)
    future = random.normal(size=(50, 12)).astype(np.float32)
    nothing = np.zeros((50, 12, 1), np.uint8)
    stretches = Stretches(
        nothing, is_end, rewards.astype(int), rewards, nothing, terminated, is_end
    )
    returns = lambda_returns(stretches, future, 0.9, trace)
    for row in range(50):
        expected = plain_returns(
            rewards[row], terminated[row], is_end[row], future[row], 0.9, trace
        )
        np.testing.assert_allclose(returns[row], expected, rtol=1e-5, atol=1e-6)
