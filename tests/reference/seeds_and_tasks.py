"""The interval over training seeds and their tasks, sample by sample and draw by draw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast.random_streams import BOOTSTRAP
from reference import random_streams

SAMPLES = 2000
SEED_STREAM = 2**32


def drawn(seed: int, stream: int, step: int, among: int) -> int:
    """One of 0 .. `among` - 1."""
    key = random_streams.step_key(*random_streams.stream_key(seed, BOOTSTRAP, stream), step)
    return key * among >> 32


def seeds_and_tasks_interval(
    values: Sequence[Sequence[float]], seed: int = 0, confidence: float = 0.95
) -> tuple[float, float]:
    """The percentiles of the mean over seeds of the means over tasks, both drawn with return."""
    seeds, longest = len(values), max(map(len, values))
    means = []
    for sample in range(SAMPLES):
        total = 0.0
        for place in range(seeds):
            tasks = values[drawn(seed, SEED_STREAM, sample * seeds + place, seeds)]
            picks = [
                tasks[drawn(seed, place, sample * longest + pick, len(tasks))]
                for pick in range(len(tasks))
            ]
            total += sum(picks) / len(tasks)
        means.append(total / seeds)
    tail = (1 - confidence) / 2
    return float(np.quantile(means, tail)), float(np.quantile(means, 1 - tail))


def difference_interval(
    one: Sequence[Sequence[float]],
    other: Sequence[Sequence[float]],
    pairing: str,
    seed: int = 0,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """The percentiles of the mean of `one` less that of `other`; what is paired is drawn once."""
    differences = []
    for sample in range(SAMPLES):
        means = []
        for number, values in enumerate((one, other)):
            has_own_seeds = number == 1 and pairing == "none"
            has_own_tasks = number == 1 and pairing != "seeds and tasks"
            seeds, longest = len(values), max(map(len, values))
            total = 0.0
            for place in range(seeds):
                chosen = drawn(seed, SEED_STREAM + has_own_seeds, sample * seeds + place, seeds)
                stream = place + 2**33 * has_own_tasks
                tasks = values[chosen]
                for pick in range(len(tasks)):
                    step = sample * longest + pick
                    total += tasks[drawn(seed, stream, step, len(tasks))] / len(tasks) / seeds
            means.append(total)
        differences.append(means[0] - means[1])
    tail = (1 - confidence) / 2
    return float(np.quantile(differences, tail)), float(np.quantile(differences, 1 - tail))
