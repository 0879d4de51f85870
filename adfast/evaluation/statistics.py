"""Summaries over tasks: means with bootstrap intervals, interquartile means, medians.

Within a run the task is the unit that varies: intervals resample tasks, after the mean over each
task's seeds. Over several training seeds both vary: intervals resample the seeds, and within each
its tasks. The twin of that is `tests/reference/seeds_and_tasks.py`.

Source: Agarwal et al. 2021 (arXiv 2108.13264) for the interquartile mean; Efron 1979 for the
percentile bootstrap; Davison and Hinkley 1997, section 3.8, for resampling level by level.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from adfast import random_streams

BOOTSTRAP_SAMPLES = 2000
SEED_STREAM = 2**32  # of the random draws of seeds; stream n draws the tasks of the n-th one


def bootstrap_interval(
    values: np.ndarray, *, seed: int = 0, confidence: float = 0.95
) -> np.ndarray:
    """Percentile interval `[2, ...]` of the mean over axis 0 of `values` `[tasks, ...]`."""
    return seeds_and_tasks_interval([values], seed=seed, confidence=confidence)


def seeds_and_tasks_interval(
    values: Sequence[np.ndarray], *, seed: int = 0, confidence: float = 0.95
) -> np.ndarray:
    """Percentile interval `[2, ...]` of the mean over training seeds of their means over tasks.

    `values` holds `[tasks, ...]` of each seed. A sample draws as many seeds as there are, and of
    each that it has drawn as many tasks as that has; a single seed leaves the tasks to vary.
    """
    num_seeds = len(values)
    lengths = np.array([len(of_seed) for of_seed in values])
    starts = np.cumsum(lengths) - lengths
    seeds = drawn_keys(seed, SEED_STREAM, num_seeds).astype(np.uint64) * np.uint64(num_seeds)
    seeds = (seeds >> np.uint64(32)).astype(np.int64)
    weights = np.zeros((BOOTSTRAP_SAMPLES, lengths.sum()))
    samples = np.arange(BOOTSTRAP_SAMPLES)[:, None]
    for place, drawn in enumerate(seeds.T):
        count = lengths[drawn][:, None]
        tasks = drawn_keys(seed, place, lengths.max()).astype(np.uint64) * count.astype(np.uint64)
        tasks = (tasks >> np.uint64(32)).astype(np.int64)
        share = np.where(np.arange(lengths.max()) < count, 1.0 / (num_seeds * count), 0.0)
        np.add.at(weights, (samples, starts[drawn][:, None] + tasks), share)
    means = np.tensordot(weights, np.concatenate(values).astype(np.float64), axes=1)
    tail = (1 - confidence) / 2
    return np.asarray(np.quantile(means, [tail, 1 - tail], axis=0))


def drawn_keys(seed: int, stream: int, count: int) -> np.ndarray:
    """uint32 `[BOOTSTRAP_SAMPLES, count]`: the keys of one random stream, sample by sample."""
    offset, mask = random_streams.stream_keys(seed, random_streams.BOOTSTRAP, [stream])
    keys = random_streams.step_keys(offset[0], mask[0], BOOTSTRAP_SAMPLES * count)
    return np.asarray(keys.reshape(BOOTSTRAP_SAMPLES, count))


def interquartile_mean(values: np.ndarray) -> np.ndarray:
    """The mean over axis 0 without its lowest and highest quarter (whole items are left out)."""
    ordered = np.sort(values, axis=0)
    cut = values.shape[0] // 4
    return np.asarray(ordered[cut : values.shape[0] - cut].mean(axis=0))


def lower_median(values: np.ndarray) -> int:
    """The index of the median of `values` `[N]`, of an even number the lower one."""
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])
