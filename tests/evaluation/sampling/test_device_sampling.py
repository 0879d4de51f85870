"""The torch form of sampling draws the same keys and takes the same actions."""

import numpy as np
import pytest
import torch

from adfast.evaluation.sampling import action_sampling, device_sampling
from adfast.evaluation.sampling.device_sampling import step_keys, words_to
from adfast.random_streams import EVALUATION_ACTION, stream_keys
from adfast.random_streams import step_keys as numpy_step_keys

CPU = torch.device("cpu")
NUM = 3000


def case():
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (NUM, 5)).astype(np.float32)
    logits[::7, 2] = logits[::7].max(axis=1)  # ties
    logits[::11, 1] = -np.inf  # impossible actions
    keys = stream_keys(9, EVALUATION_ACTION, generator.integers(0, 2**63, NUM))
    return logits, keys, generator.integers(0, 2**32, NUM)


def test_keys_are_equal_bit_for_bit():
    for stream in range(50):
        (offset,), (mask,) = stream_keys(7, EVALUATION_ACTION, [stream])
        steps = torch.arange(200)
        keys = step_keys(
            torch.full((200,), int(offset)), torch.full((200,), int(mask)), steps
        ).numpy()
        np.testing.assert_array_equal(keys, numpy_step_keys(offset, mask, 200))


@pytest.mark.parametrize("temperature", [0.0, 0.1, 1.0, 30.0])
def test_actions_are_those_of_the_compiled_loop(temperature):
    logits, (offset, mask), draws = case()
    expected = np.empty(NUM, np.int64)
    action_sampling.sample_actions(logits, temperature, offset, mask, draws, expected)
    actions = device_sampling.sample_actions(
        torch.from_numpy(logits),
        temperature,
        words_to(CPU, offset),
        words_to(CPU, mask),
        torch.from_numpy(draws),
    )
    np.testing.assert_array_equal(actions.numpy(), expected)
