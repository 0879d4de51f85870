"""What counts as a change: never noise, always a tenth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.guard.judgement import (
    Change,
    change_of_launches,
    extremes_left_out,
    undisturbed_seconds,
)

MINIMAL_EFFECT = 0.05
RUNS = 400


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (Change(1.10, 1.08, 1.12), "slower"),
        (Change(1.05, 1.01, 1.20), "slower"),
        (Change(0.90, 0.88, 0.92), "faster"),
        (Change(1.00, 0.99, 1.01), "same"),
        (Change(1.04, 1.03, 1.045), "same"),
        (Change(1.10, 0.99, 1.20), "unclear"),
        (Change(1.04, 1.01, 1.06), "unclear"),
        (Change(1.30, 0.0, float("inf")), "unclear"),
    ],
)
def test_verdict_needs_both_an_effect_and_an_interval(change, verdict):
    assert change.verdict(MINIMAL_EFFECT) == verdict


def test_eight_launches_are_the_fewest_that_give_an_interval():
    assert [extremes_left_out(size) for size in (7, 8, 11, 12, 16, 20)] == [None, 0, 0, 1, 2, 3]
    assert change_of_launches([1.2] * 7).verdict(MINIMAL_EFFECT) == "unclear"
    assert change_of_launches([]).verdict(MINIMAL_EFFECT) == "unclear"


@given(st.lists(st.floats(0.5, 2.0), min_size=8, max_size=20))
def test_interval_of_launches_lies_around_their_median(factors):
    change = change_of_launches(factors)
    assert min(factors) <= change.lower <= change.factor <= change.upper <= max(factors)


@pytest.mark.parametrize("size", [8, 12, 16])
def test_interval_of_launches_misses_the_median_as_rarely_as_it_says(size):
    factors = np.random.default_rng(size).lognormal(0, 0.3, (20_000, size))
    outside = 0
    for row in factors[:RUNS]:
        change = change_of_launches(row)
        outside += not change.lower <= 1 <= change.upper
    # One in a hundred is 4 of 400; more than 12 has a probability below 0.0005.
    assert outside <= 12


def noisy_launch(generator, factor, rounds=10):
    """Seconds of both sides as a loaded machine gives them, and as a process keeps its luck.

    Each process is faster or slower by some percent for good; rounds vary by some percent, and
    three in ten are disturbed by up to several times their length.
    """
    sides = []
    for true_seconds in (factor, 1.0):
        luck = np.exp(generator.normal(0, 0.015))
        noise = np.exp(generator.normal(0, 0.02, rounds))
        disturbed = generator.random(rounds) < 0.3
        sides.append(true_seconds * luck * noise * (1 + disturbed * generator.pareto(2, rounds)))
    return undisturbed_seconds(sides[0]) / undisturbed_seconds(sides[1])


def share_of_verdicts(factor):
    generator = np.random.default_rng(1)
    verdicts = [
        change_of_launches([noisy_launch(generator, factor) for _ in range(8)]).verdict(
            MINIMAL_EFFECT
        )
        for _ in range(RUNS)
    ]
    return {verdict: verdicts.count(verdict) / RUNS for verdict in set(verdicts)}


def test_equals_raise_no_alarm_under_heavy_tails():
    shares = share_of_verdicts(1.0)
    assert shares.get("slower", 0) + shares.get("faster", 0) == 0


def test_a_tenth_is_found_under_heavy_tails():
    assert share_of_verdicts(1.1)["slower"] >= 0.95
    assert share_of_verdicts(1 / 1.1)["faster"] >= 0.95
