"""Actions drawn by one kernel are those of torch's operations."""

import numpy as np
import pytest
import torch

from adfast.evaluation.sampling import device_sampling, sampling_kernel
from adfast.evaluation.sampling.device_sampling import words_to
from adfast.random_streams import EVALUATION_ACTION, stream_keys


@pytest.mark.parametrize("temperature", [0.0, 0.1, 0.45, 1.0, 30.0])
@pytest.mark.parametrize(("num", "num_actions"), [(1, 1), (700, 5), (33, 8), (3, 300)])
def test_actions_are_those_of_torch_operations(num, num_actions, temperature):
    generator = np.random.default_rng(num)
    logits = generator.normal(0, 3, (num, num_actions)).astype(np.float32)
    logits[::7, 2 % num_actions] = logits[::7].max(axis=1)  # ties
    if num_actions > 1:
        logits[::11, 1] = -np.inf  # impossible actions
    keys = stream_keys(9, EVALUATION_ACTION, generator.integers(0, 2**63, num))
    offset, mask = (words_to(torch.device("cpu"), words) for words in keys)
    step = torch.from_numpy(generator.integers(0, 2**32, num))
    arguments = (torch.from_numpy(logits), temperature, offset, mask, step)
    drawn = sampling_kernel.sample_actions(*arguments)
    assert torch.equal(drawn, device_sampling.sample_actions(*arguments))
