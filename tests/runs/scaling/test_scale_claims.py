"""Claims on scaling: the knee that is put in is found, and verdicts follow their rules."""

import numpy as np
import pytest

from adfast import tasks
from adfast.runs.scaling.claims import knee_of, within
from adfast.runs.scaling.laws import Measured
from adfast.runs.scaling.recall import recall_of

WINDOWS = np.array([20.0, 40, 80, 160, 320])


@pytest.mark.parametrize("stretch", [0.7, 1.0, 1.5])
def test_the_knee_is_found_whatever_the_height(stretch):
    recall = recall_of(tasks.make("dark-house", size=5, episode_length=10, rooms=8, houses=64))
    room = recall.optimum - recall.random
    mean = recall.random + 0.8 * room * recall.share(WINDOWS / stretch)
    noise = np.random.default_rng(0).normal(0, 0.05, (500, len(WINDOWS)))
    knee = knee_of(WINDOWS, Measured(mean, mean + noise, None), recall)
    assert knee.measured / knee.theory == pytest.approx(stretch, rel=0.01)
    assert knee.height == pytest.approx(0.8, rel=0.01)
    low, high = knee.stretch_interval
    assert 0.85 * stretch < low < stretch < high < 1.15 * stretch


def test_returns_that_nothing_raises_have_no_knee():
    recall = recall_of(tasks.make("dark-house", size=5, episode_length=10, rooms=8, houses=64))
    nothing = np.full(len(WINDOWS), recall.random - 0.1)
    knee = knee_of(WINDOWS, Measured(nothing, np.tile(nothing, (500, 1)), None), recall)
    assert within(*knee.stretch_interval, 0.8, 1.25) == "undecided"


@pytest.mark.parametrize(
    ("interval", "standing"),
    [
        ((0.9, 1.1), "supported"),
        ((0.8, 1.25), "supported"),
        ((0.7, 1.1), "undecided"),
        ((1.1, 1.3), "undecided"),
        ((1.3, 1.6), "refuted"),
        ((0.2, 0.7), "refuted"),
    ],
)
def test_an_interval_must_lie_within(interval, standing):
    assert within(*interval, 0.8, 1.25) == standing
