"""Summaries over tasks: means with bootstrap intervals, interquartile means, medians.

Within a run the task is the unit that varies: intervals resample tasks, after the mean over each
task's seeds. Over several training seeds both vary: intervals resample the seeds, and within each
its tasks. Of the difference of two methods what they have in common is resampled together. The
twin is `tests/reference/seeds_and_tasks.py`.

Source: Agarwal et al. 2021 (arXiv 2108.13264) for the interquartile mean; Efron 1979 for the
percentile bootstrap; Davison and Hinkley 1997, section 3.8, for resampling level by level.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from adfast import random_streams

BOOTSTRAP_SAMPLES = 2000
SEED_STREAM = 2**32  # of the random draws of seeds; stream n draws the tasks of the n-th one
OWN_TASKS = 2**33  # more than these, for tasks that are drawn apart from another's

Pairing = Literal["seeds and tasks", "seeds", "none"]  # what two methods have in common


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
    return percentiles(resampled_means(values, seed=seed), confidence)


def difference_interval(
    one: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    pairing: Pairing,
    *,
    seed: int = 0,
    confidence: float = 0.95,
) -> np.ndarray:
    """Percentile interval `[2, ...]` of the mean of `one` less that of `other`.

    Both hold `[tasks, ...]` of each training seed. What is paired is drawn together: seed n of both
    where seeds are, and task t of both where tasks are. Neither has to be of as many tasks, or
    seeds, where these are not paired.
    """
    differences = resampled_means(one, seed=seed) - resampled_means(
        other,
        seed=seed,
        has_own_seeds=pairing == "none",
        has_own_tasks=pairing != "seeds and tasks",
    )
    return percentiles(differences, confidence)


def resampled_means(
    values: Sequence[np.ndarray],
    *,
    seed: int = 0,
    has_own_seeds: bool = False,
    has_own_tasks: bool = False,
) -> np.ndarray:
    """float64 `[BOOTSTRAP_SAMPLES, ...]`: the mean over seeds of their means over tasks, resampled.

    All that is resampled by one `seed` draws the same seeds and the same tasks of each, but for
    what has its own.
    """
    counts = tuple(len(of_seed) for of_seed in values)
    weights = resampling_weights(counts, seed, has_own_seeds, has_own_tasks)
    means: np.ndarray = np.tensordot(weights, np.concatenate(values).astype(np.float64), axes=1)
    return means


@lru_cache(8)  # pages and probes ask for many intervals over the same tasks
def resampling_weights(
    counts: tuple[int, ...], seed: int, has_own_seeds: bool, has_own_tasks: bool
) -> np.ndarray:
    """float64 `[BOOTSTRAP_SAMPLES, sum of counts]`: the weight of each task in each mean."""
    num_seeds = len(counts)
    lengths = np.array(counts)
    starts = np.cumsum(lengths) - lengths
    seed_stream = SEED_STREAM + (1 if has_own_seeds else 0)
    seeds = drawn_keys(seed, seed_stream, num_seeds).astype(np.uint64) * np.uint64(num_seeds)
    seeds = (seeds >> np.uint64(32)).astype(np.int64)
    weights = np.zeros((BOOTSTRAP_SAMPLES, lengths.sum()))
    samples = np.arange(BOOTSTRAP_SAMPLES)[:, None]
    for place, drawn in enumerate(seeds.T):
        count = lengths[drawn][:, None]
        task_stream = place + (OWN_TASKS if has_own_tasks else 0)
        tasks = drawn_keys(seed, task_stream, lengths.max()).astype(np.uint64)
        tasks = (tasks * count.astype(np.uint64) >> np.uint64(32)).astype(np.int64)
        share = np.where(np.arange(lengths.max()) < count, 1.0 / (num_seeds * count), 0.0)
        np.add.at(weights, (samples, starts[drawn][:, None] + tasks), share)
    weights.flags.writeable = False
    return weights


def mean_over_seeds(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over seeds of the means over the tasks of each."""
    return np.asarray(np.mean([of_seed.mean(axis=0) for of_seed in values], axis=0))


def percentiles(samples: np.ndarray, confidence: float = 0.95) -> np.ndarray:
    """`[2, ...]`: what encloses so much of `samples` `[BOOTSTRAP_SAMPLES, ...]` in the middle."""
    tail = (1 - confidence) / 2
    return np.asarray(np.quantile(samples, [tail, 1 - tail], axis=0))


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


def share_of_optimum(value: float, optimum: float) -> float:
    """`value / optimum`; where the best is to pay little, what it pays of what was paid.

    Of two costs it is `optimum / value`: 1 for who pays no more than must be, and the less the more
    is paid. It is 1 where there is nothing to earn, or to pay, and nothing was paid.
    """
    if optimum > 0:
        return float(value / optimum)
    if value >= 0:
        return 1.0
    return float(optimum / value)


def lower_median(values: np.ndarray) -> int:
    """The index of the median of `values` `[N]`, of an even number the lower one."""
    return int(np.argsort(values, kind="stable")[(len(values) - 1) // 2])
