"""Actions from logits: one draw per environment, keyed by its own random stream and step.

Twin: `tests/reference/action_sampling.py`.

Axes: N environments, A actions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from adfast.errors import InvalidArgument
from adfast.machine.compiled_code import compiled
from adfast.random_draws import step_key, uniform
from adfast.random_streams import EVALUATION_ACTION, as_streams, stream_keys


def action_keys(
    seed: int, random_streams: Any, num_environments: int
) -> tuple[np.ndarray, np.ndarray]:
    """uint32 `[N]` offsets and masks: the keys of the streams of `seed` that actions come from.

    `random_streams` (None: 0, 1, ...) has one for each environment; raises `InvalidArgument`.
    """
    streams = np.arange(num_environments) if random_streams is None else random_streams
    streams = as_streams("random_streams", streams)
    if streams.shape != (num_environments,):
        raise InvalidArgument(
            f"random_streams must have one entry for each of the {num_environments} "
            f"environments, got shape {streams.shape}"
        )
    return stream_keys(seed, EVALUATION_ACTION, streams)


class ActionDraws:
    """Draws actions on the processor from the streams `(offset, mask)`, and counts the draws."""

    def __init__(self, temperature: float, offset: np.ndarray, mask: np.ndarray) -> None:
        self.temperature = temperature
        self.offset, self.mask = offset, mask
        self.count = np.zeros(len(offset), np.int64)  # by environment

    def draw(self, logits: np.ndarray, active: np.ndarray | None) -> np.ndarray:
        """int64 `[N]`: the next actions by `logits` `[N, A]`; those outside `active` count not."""
        actions = np.empty(len(logits), np.int64)
        sample_actions(logits, self.temperature, self.offset, self.mask, self.count, actions)
        self.count += 1 if active is None else active
        return actions


def probabilities(logits: np.ndarray, temperature: float) -> np.ndarray:
    """float64 `[N, A]`: how probable each action is that `sample_actions` draws."""
    logits = logits.astype(np.float64)
    if temperature == 0.0:
        return np.asarray(np.eye(logits.shape[1])[logits.argmax(axis=1)])
    with np.errstate(over="ignore"):  # of what is infinitely improbable
        weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@compiled
def sample_actions(
    logits: np.ndarray,
    temperature: float,
    offset: np.ndarray,
    mask: np.ndarray,
    step: np.ndarray,
    actions: np.ndarray,
) -> None:
    """Fill `actions` int64 `[N]` from float `logits` `[N, A]` divided by `temperature`.

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
