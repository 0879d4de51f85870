"""Twin of `adfast.evaluation.sampling.action_sampling`: inverts the cumulative distribution."""

from __future__ import annotations

import math

from reference.random_streams import step_key, stream_key, uniform

EVALUATION_ACTION = 5


def sample_action(
    logits: list[float], temperature: float, seed: int, random_stream: int, draw: int
) -> int:
    """The action that one environment takes at its `draw`-th step."""
    likeliest = logits.index(max(logits))
    if temperature == 0:
        return likeliest
    weights = [math.exp((logit - logits[likeliest]) / temperature) for logit in logits]
    total = 0.0
    for weight in weights:
        total += weight
    key = step_key(*stream_key(seed, EVALUATION_ACTION, random_stream), draw)
    threshold = uniform(key) * total
    cumulative = 0.0
    for action, weight in enumerate(weights):
        cumulative += weight
        if threshold < cumulative:
            return action
    return likeliest
