"""Actions equal those of the plain-Python twin, and follow the tempered distribution."""

import numpy as np
import pytest

from adfast.evaluation.sampling.action_sampling import sample_actions
from adfast.random_streams import EVALUATION_ACTION, stream_keys
from reference.action_sampling import sample_action


def sample(logits, temperature, *, seed=0, streams=None, draws=None):
    logits = np.asarray(logits, np.float32)
    streams = np.arange(len(logits)) if streams is None else streams
    offset, mask = stream_keys(seed, EVALUATION_ACTION, streams)
    draws = np.zeros(len(logits), np.int64) if draws is None else draws
    actions = np.full(len(logits), -1, np.int64)
    sample_actions(logits, temperature, offset, mask, draws, actions)
    return actions


@pytest.mark.parametrize("temperature", [0.0, 0.1, 1.0, 30.0])
def test_actions_equal_those_of_the_twin(temperature):
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (2000, 5)).astype(np.float32)
    logits[::7, 2] = logits[::7].max(axis=1)  # ties
    logits[::11, 1] = -np.inf  # impossible actions
    streams = generator.integers(0, 2**63, 2000)
    draws = generator.integers(0, 10**6, 2000)
    expected = [
        sample_action(row, temperature, 9, stream, draw)
        for row, stream, draw in zip(logits.tolist(), streams.tolist(), draws.tolist(), strict=True)
    ]
    actions = sample(logits, temperature, seed=9, streams=streams, draws=draws)
    np.testing.assert_array_equal(actions, expected)


def test_temperature_zero_takes_the_first_greatest_logit():
    logits = [[0, 3, 3, 1], [5, 0, 0, 5], [0, 0, 0, 0], [-3, -2, -1, -1]]
    np.testing.assert_array_equal(sample(logits, 0.0), [1, 0, 0, 2])


def test_low_temperature_comes_near_to_zero_and_high_to_uniform():
    logits = np.tile(np.float32([1.0, 0.0, 0.5, -2.0]), (20_000, 1))
    assert (sample(logits, 1e-3) == 0).all()
    shares = np.bincount(sample(logits, 1e3), minlength=4) / len(logits)
    np.testing.assert_allclose(shares, 0.25, atol=0.015)


def test_frequencies_are_those_of_the_softmax():
    row = np.float32([1.0, 0.0, 0.5, -2.0])
    actions = sample(np.tile(row, (50_000, 1)), 0.7)
    probability = np.exp(row / 0.7) / np.exp(row / 0.7).sum()
    shares = np.bincount(actions, minlength=4) / len(actions)
    np.testing.assert_allclose(shares, probability, atol=0.01)


def test_impossible_action_is_never_taken():
    logits = np.tile(np.float32([-np.inf, 0.0, -np.inf]), (5000, 1))
    assert (sample(logits, 1.0) == 1).all()
