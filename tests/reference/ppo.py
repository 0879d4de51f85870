"""Generalised advantages of one trial, written from their definition as a sum."""

from __future__ import annotations

from collections.abc import Sequence


def advantages(
    rewards: Sequence[float], values: Sequence[float], discount: float, gae_lambda: float
) -> list[float]:
    after = [*values[1:], 0.0]
    surprises = [r + discount * v - now for r, v, now in zip(rewards, after, values, strict=True)]
    return [
        sum((discount * gae_lambda) ** k * surprise for k, surprise in enumerate(surprises[t:]))
        for t in range(len(rewards))
    ]
