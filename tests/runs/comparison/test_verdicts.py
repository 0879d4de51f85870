"""Verdicts are what their intervals say, and these what the plain definition computes."""

import math

import numpy as np
import pytest

from adfast.errors import InvalidArgument
from adfast.runs.comparison.verdicts import (
    SeedReturns,
    SourceCurve,
    at_or_above,
    does_not_rise,
    needs_fewer_episodes,
    rises,
)
from reference import seeds_and_tasks as reference


def method(label, level, rise=0.0, *, seeds=(1, 2, 3), tasks=(8, 8, 8), episodes=12, draw=0):
    """Returns about `level`, with `rise` from the sixth episode on; each seed has its own tasks."""
    generator = np.random.default_rng(draw)
    climb = rise * (np.arange(episodes) >= 5)
    returns = {
        seed: level + climb + generator.normal(0, 0.3, (count, episodes))
        for seed, count in zip(seeds, tasks, strict=True)
    }
    return SeedReturns(label, returns, {seed: (seed, len(of)) for seed, of in returns.items()})


def last_five(of):
    return [values[:, -5:].mean(axis=1).tolist() for values in of.returns.values()]


@pytest.mark.parametrize(("rise", "verdict"), [(1.0, "yes"), (-1.0, "no"), (0.0, "undecided")])
def test_rise_is_late_less_early_episodes(rise, verdict):
    of = method("AD", 3, rise)
    found = rises(of)
    gains = [
        (values[:, -5:].mean(axis=1) - values[:, :5].mean(axis=1)).tolist()
        for values in of.returns.values()
    ]
    assert (found.verdict, found.claim, found.seeds) == (verdict, "AD rises in context", 3)
    low, high = reference.seeds_and_tasks_interval(gains)
    np.testing.assert_allclose((found.low, found.high), (low, high), atol=1e-12)
    np.testing.assert_allclose(found.value, np.mean(gains))
    assert found.numbers == f"{found.value:+.2f} ({low:+.2f} to {high:+.2f})"


def test_rise_of_few_episodes_is_of_halves():
    returns = np.array([[0.0, 1.0, 5.0], [0.0, 1.0, 7.0]])
    found = rises(SeedReturns("AD", {1: returns}, {1: ()}))
    assert (found.value, found.verdict) == (6.0, "yes")
    with pytest.raises(InvalidArgument, match=r"AD must have two episodes .* got one; evaluate"):
        rises(SeedReturns("AD", {1: returns[:, :1]}, {1: ()}))


@pytest.mark.parametrize(
    ("rise", "tolerance", "verdict"),
    [(0.0, 0.5, "yes"), (1.0, 0.5, "no"), (0.5, 0.5, "undecided"), (-2.0, 0.5, "yes")],
)
def test_what_does_not_rise_is_below_a_tolerance(rise, tolerance, verdict):
    found = does_not_rise(method("ED", 3, rise), tolerance=tolerance)
    assert found.verdict == verdict
    assert found.claim == "ED does not improve in context"
    assert found.low < found.value < found.high


def test_without_any_spread_nothing_is_undecided():
    flat = SeedReturns("a", {1: np.ones((4, 10))}, {1: ()})
    assert rises(flat).verdict == "no"
    assert does_not_rise(flat, tolerance=0.0).verdict == "yes"
    assert at_or_above(flat, flat).verdict == "yes"


@pytest.mark.parametrize(
    ("level", "tolerance", "verdict"),
    [(4.0, 0.0, "yes"), (2.0, 0.0, "no"), (3.0, 0.0, "undecided"), (2.9, 0.5, "yes")],
)
def test_at_or_above_is_by_the_difference_of_what_is_paired(level, tolerance, verdict):
    one, other = method("RL2", level, draw=1), method("AD", 3.0)
    found = at_or_above(one, other, tolerance=tolerance)
    assert (found.verdict, found.claim) == (verdict, "RL2 at or above AD")
    assert (found.pairing, found.seeds) == ("seeds and tasks", 3)
    expected = reference.difference_interval(last_five(one), last_five(other), "seeds and tasks")
    np.testing.assert_allclose((found.low, found.high), expected, atol=1e-12)


def test_seeds_that_one_lacks_do_not_count():
    one, other = method("a", 3.0, seeds=(2, 3, 9)), method("b", 3.0, seeds=(1, 2, 3))
    other.returns[1][:] = 1e9
    found = at_or_above(one, other)
    assert (found.seeds, found.pairing) == (2, "seeds and tasks")
    assert abs(found.value) < 1


def test_other_tasks_are_drawn_apart_and_other_seeds_too():
    one = method("a", 3.0)
    fewer = method("b", 3.0, tasks=(8, 8, 5), draw=1)
    found = at_or_above(one, fewer)
    assert found.pairing == "seeds"
    expected = reference.difference_interval(last_five(one), last_five(fewer), "seeds")
    np.testing.assert_allclose((found.low, found.high), expected, atol=1e-12)
    foreign = method("c", 3.0, seeds=(4, 5), tasks=(8, 8), draw=1)
    found = at_or_above(one, foreign)
    assert (found.pairing, found.seeds) == ("none", 2)
    expected = reference.difference_interval(last_five(one), last_five(foreign), "none")
    np.testing.assert_allclose((found.low, found.high), expected, atol=1e-12)


def test_longer_evaluations_are_cut():
    long = method("a", 3.0, episodes=20)
    for values in long.returns.values():
        values[:, 12:] = 99.0
    assert abs(at_or_above(long, method("b", 3.0)).value) < 1


def source(level_at, known, *, seeds=(1, 2, 3)):
    """One that earns 4 from episode `level_at[seed]` on, and 0 before."""
    return {
        seed: SourceCurve(np.array(known), 4.0 * (np.array(known) >= at))
        for seed, at in zip(seeds, level_at, strict=True)
    }


def test_fewer_episodes_than_a_source_that_is_known_in_each():
    """AD is at 3 from its sixth episode, its source in its thirtieth, by every seed: 24 fewer."""
    found = needs_fewer_episodes(
        method("AD", 0.0, 4.0), source([30, 30, 30], range(1, 50)), level=3.0
    )
    assert (found.verdict, found.value, found.low, found.high) == ("yes", -24, -24, -24)
    assert found.claim == "AD earns 3 after fewer episodes than its source"
    assert found.numbers == "-24 (-24 to -24)"


def test_source_that_is_known_in_some_episodes_counts_at_its_best_and_worst():
    """It got there after its 25th episode, and at its 33rd at the latest: 20 to 27 fewer."""
    found = needs_fewer_episodes(
        method("AD", 0.0, 4.0), source([30, 30, 30], range(1, 50, 8)), level=3.0
    )
    assert (found.verdict, found.value, found.low, found.high) == ("yes", -20, -27, -20)


@pytest.mark.parametrize(
    ("at", "known", "level", "verdict", "numbers"),
    [
        (3, range(1, 50), 3.0, "no", "+3 (+3 to +3)"),
        # Neither gets there: whoever would be first is not known.
        (99, range(1, 50), 5.0, "undecided", "unknown (unknown to unknown)"),
        # The source never does, so it takes more than the 49 that are known.
        (99, range(1, 50), 3.0, "yes", "unknown (unknown to -44)"),
        # AD never does, in 12 episodes.
        (3, range(1, 50), 3.9, "no", "unknown (+10 to unknown)"),
        (6, range(1, 50, 8), 3.0, "undecided", "+4 (-3 to +4)"),
    ],
)
def test_what_is_never_reached_is_not_known(at, known, level, verdict, numbers):
    ad = method("AD", 0.0, 3.5)
    if level == 3.9:
        ad = method("AD", 0.0, 2.0)
    found = needs_fewer_episodes(ad, source([at] * 3, known), level=level)
    assert (found.verdict, found.numbers) == (verdict, numbers)
    assert all(number is None or math.isfinite(number) for number in (found.low, found.high))


def test_seeds_of_method_and_source_are_drawn_together():
    """Early and late seeds: each sample of the method is held against the sources of its seeds."""
    at = {1: 20, 2: 40, 3: 60}
    curves = {
        seed: SourceCurve(np.arange(1, 99), np.where(np.arange(1, 99) >= when, 4.0, 0.0))
        for seed, when in at.items()
    }
    ad = method("AD", 0.0, 4.0)
    found = needs_fewer_episodes(ad, curves, level=1.3)
    draws = [
        [reference.drawn(0, reference.SEED_STREAM, sample * 3 + place, 3) for place in range(3)]
        for sample in range(reference.SAMPLES)
    ]
    # A mean of 1.3 needs one of the three sources that were drawn, each of which earns 4.
    counts = sorted(6 - min([*at.values()][seed] for seed in drawn) for drawn in draws)
    assert (found.low, found.high) == (counts[50], counts[-51])


def test_source_of_other_seeds_is_refused():
    with pytest.raises(InvalidArgument, match="got seeds 1, 2, 3 and 7"):
        needs_fewer_episodes(method("AD", 0.0), source([3], range(9), seeds=(7,)), level=1.0)
    curves = source([3, 3, 3], range(1, 9))
    curves[2] = SourceCurve(np.arange(1, 5), np.zeros(4))
    with pytest.raises(InvalidArgument, match="known in the same episodes of each"):
        needs_fewer_episodes(method("AD", 0.0), curves, level=1.0)
