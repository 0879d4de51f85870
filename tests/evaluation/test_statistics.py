"""Intervals cover the mean as often as they say; the interquartile mean leaves the tails out."""

import numpy as np
import pytest

from adfast.evaluation.statistics import (
    bootstrap_interval,
    difference_interval,
    interquartile_mean,
    seeds_and_tasks_interval,
)
from reference import seeds_and_tasks as reference


def test_interval_of_equal_values_is_that_value():
    np.testing.assert_allclose(bootstrap_interval(np.full(9, 3.5)), 3.5)


def test_interval_surrounds_the_mean_and_narrows_with_more_tasks():
    values = np.random.default_rng(0).normal(10, 2, 400)
    few, many = bootstrap_interval(values[:25]), bootstrap_interval(values)
    assert few[0] < values[:25].mean() < few[1]
    assert many[1] - many[0] < 0.5 * (few[1] - few[0])
    # The normal approximation of the same interval.
    np.testing.assert_allclose(many[1] - many[0], 2 * 1.96 * values.std() / 20, rtol=0.1)


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        low, high = bootstrap_interval(generator.normal(5, 1, 30))
        covered += low <= 5 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_interval_is_computed_for_every_column_and_repeats():
    values = np.random.default_rng(2).normal(size=(16, 40))
    interval = bootstrap_interval(values, seed=3)
    assert interval.shape == (2, 40)
    np.testing.assert_array_equal(interval, bootstrap_interval(values, seed=3))
    assert not np.array_equal(interval, bootstrap_interval(values, seed=4))
    np.testing.assert_allclose(interval[:, 7], bootstrap_interval(values[:, 7], seed=3))


def test_wider_confidence_gives_a_wider_interval():
    values = np.arange(20.0)
    narrow, wide = bootstrap_interval(values, confidence=0.5), bootstrap_interval(values)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


@pytest.mark.parametrize(("count", "expected"), [(1, 0.0), (4, 1.5), (8, 3.5), (9, 4.0)])
def test_interquartile_mean_leaves_out_a_quarter_at_each_end(count, expected):
    values = np.arange(count, dtype=float)
    values[-1] = values[-1] if count == 1 else 1e9  # an outlier does not move it
    np.random.default_rng(0).shuffle(values)
    assert interquartile_mean(values) == pytest.approx(expected)


def test_interquartile_mean_of_columns():
    values = np.stack([np.arange(8.0), np.zeros(8)], axis=1)
    np.testing.assert_array_equal(interquartile_mean(values), [3.5, 0.0])


def test_interval_of_seeds_and_tasks_matches_its_definition():
    generator = np.random.default_rng(3)
    values = [generator.normal(size=(tasks, 2)) for tasks in (5, 3, 4)]
    interval = seeds_and_tasks_interval(values, seed=6)
    for column in range(2):
        of_column = [of_seed[:, column].tolist() for of_seed in values]
        expected = reference.seeds_and_tasks_interval(of_column, seed=6)
        np.testing.assert_allclose(interval[:, column], expected, rtol=0, atol=1e-12)


def test_interval_is_wide_where_seeds_differ_however_many_tasks_agree():
    generator = np.random.default_rng(4)
    levels = generator.normal(10, 2, 5)
    seeds = [level + generator.normal(0, 0.1, 200) for level in levels]
    low, high = seeds_and_tasks_interval(seeds)
    pooled_low, pooled_high = bootstrap_interval(np.concatenate(seeds))
    assert high - low > 5 * (pooled_high - pooled_low)


@pytest.mark.parametrize("spread", [0.0, 1.0], ids=["tasks", "seeds"])
def test_interval_of_seeds_and_tasks_covers_the_true_mean(spread):
    """Ten seeds of 16 tasks; what varies are tasks alone, or seeds more than tasks."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(60):
        levels = 5 + spread * generator.normal(size=(10, 1))
        low, high = seeds_and_tasks_interval([*(levels + generator.normal(size=(10, 16)))])
        covered += low <= 5 <= high
    assert covered / 60 >= 0.85


@pytest.mark.parametrize("pairing", ["seeds and tasks", "seeds", "none"])
def test_interval_of_a_difference_matches_its_definition(pairing):
    generator = np.random.default_rng(6)
    shapes = {"seeds and tasks": (4, 3, 5), "seeds": (2, 6, 3), "none": (3, 7)}[pairing]
    one = [generator.normal(size=tasks).tolist() for tasks in (4, 3, 5)]
    other = [generator.normal(1, 2, tasks).tolist() for tasks in shapes]
    interval = difference_interval([*map(np.array, one)], [*map(np.array, other)], pairing, seed=2)
    expected = reference.difference_interval(one, other, pairing, seed=2)
    np.testing.assert_allclose(interval, expected, rtol=0, atol=1e-12)


def test_paired_interval_is_that_of_the_differences_by_task():
    generator = np.random.default_rng(7)
    one = [generator.normal(size=(8, 3)) for _ in range(4)]
    other = [generator.normal(size=(8, 3)) for _ in range(4)]
    interval = difference_interval(one, other, "seeds and tasks")
    by_task = [a - b for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(interval, seeds_and_tasks_interval(by_task), rtol=0, atol=1e-12)


@pytest.mark.parametrize("pairing", ["seeds and tasks", "seeds"])
def test_interval_of_a_difference_is_that_of_normal_values(pairing):
    """Of one seed and many tasks, whose returns are alike for both methods: the closed form."""
    generator = np.random.default_rng(8)
    tasks = generator.normal(10, 3, 400)
    one, other = tasks + generator.normal(0, 0.5, (2, 400))
    low, high = difference_interval([one], [other], pairing)
    paired = (one - other).std() ** 2
    variance = paired if pairing == "seeds and tasks" else one.var() + other.var()
    difference = one.mean() - other.mean()
    half = 1.96 * np.sqrt(variance / 400)
    np.testing.assert_allclose((low, high), (difference - half, difference + half), atol=0.1 * half)


def test_pairing_by_seed_takes_away_what_splits_have_in_common():
    generator = np.random.default_rng(9)
    splits = generator.normal(10, 3, 6)
    one, other = ([split + generator.normal(0, 0.1, 16) for split in splits] for _ in range(2))
    paired, apart = (np.ptp(difference_interval(one, other, p)) for p in ("seeds", "none"))
    assert paired < apart / 10


def test_paired_interval_covers_the_true_difference():
    """Ten seeds of 16 tasks: splits and tasks differ much, methods by one and by seed."""
    generator = np.random.default_rng(10)
    covered = 0
    for _ in range(60):
        tasks = 5 * generator.normal(size=(10, 16)) + 5 * generator.normal(size=(10, 1))
        by_seed = 0.5 * generator.normal(size=(2, 10, 1))
        one, other = tasks + by_seed + generator.normal(size=(2, 10, 16))
        low, high = difference_interval([*(one + 1)], [*other], "seeds and tasks")
        covered += low <= 1 <= high
    assert covered / 60 >= 0.85
