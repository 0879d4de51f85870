"""Summaries over tasks: means with bootstrap intervals, interquartile means, medians.

The task is the unit that varies: intervals resample tasks, after the mean over each task's seeds.

Source: Agarwal et al. 2021 (arXiv 2108.13264) for the interquartile mean; Efron 1979 for the
percentile bootstrap.
"""

from __future__ import annotations

import numpy as np

from adfast import random_streams

BOOTSTRAP_SAMPLES = 2000


def bootstrap_interval(
    values: np.ndarray, *, seed: int = 0, confidence: float = 0.95
) -> np.ndarray:
    """Percentile interval `[2, ...]` of the mean over axis 0 of `values` `[tasks, ...]`."""
    num_tasks = values.shape[0]
    offset, mask = random_streams.stream_keys(seed, random_streams.BOOTSTRAP, [0])
    keys = random_streams.step_keys(offset[0], mask[0], BOOTSTRAP_SAMPLES * num_tasks)
    numbers = (keys.astype(np.uint64) * np.uint64(num_tasks)) >> np.uint64(32)
    drawn = numbers.astype(np.int64).reshape(BOOTSTRAP_SAMPLES, num_tasks)
    weights = np.zeros((BOOTSTRAP_SAMPLES, num_tasks))
    np.add.at(weights, (np.arange(BOOTSTRAP_SAMPLES)[:, None], drawn), 1.0 / num_tasks)
    means = np.tensordot(weights, values.astype(np.float64), axes=1)
    tail = (1 - confidence) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean over axis 0 without its lowest and highest quarter (whole items are left out)."""
    ordered = np.sort(values, axis=0)
    cut = values.shape[0] // 4
    return np.asarray(ordered[cut : values.shape[0] - cut].mean(axis=0))


def lower_median(values: np.ndarray) -> int:
    """The index of the median of `values` `[N]`, of an even number the lower one."""
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])
