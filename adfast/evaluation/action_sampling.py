"""Actions from logits: one draw per environment, keyed by its own random stream and step.

Twin: `tests/reference/action_sampling.py`.
"""

from __future__ import annotations

import numpy as np

from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key, uniform


@compiled
def sample_actions(
    logits: np.ndarray,
    temperature: float,
    offset: np.ndarray,
    mask: np.ndarray,
    step: np.ndarray,
    actions: np.ndarray,
) -> None:
    """Fill `actions` int64 `[N]` from float32 `logits` `[N, A]` divided by `temperature`.

    Temperature 0 takes the first greatest logit. `(offset, mask)` uint32 `[N]` are stream keys and
    `step` int64 `[N]` counts each stream's draws. Inverts the cumulative distribution in float64.
    """
    num_actions = logits.shape[1]
    for environment in range(logits.shape[0]):
        greatest = np.float64(logits[environment, 0])
        likeliest = 0
        for action in range(1, num_actions):
            if logits[environment, action] > greatest:
                greatest = np.float64(logits[environment, action])
                likeliest = action
        actions[environment] = likeliest
        if temperature == 0.0:
            continue
        total = 0.0
        for action in range(num_actions):
            total += np.exp((np.float64(logits[environment, action]) - greatest) / temperature)
        key = step_key(offset[environment], mask[environment], step[environment])
        threshold = np.float64(uniform(key)) * total
        cumulative = 0.0
        for action in range(num_actions):
            weight = np.exp((np.float64(logits[environment, action]) - greatest) / temperature)
            cumulative += weight
            if threshold < cumulative:
                actions[environment] = action
                break
