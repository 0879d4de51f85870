"""What was monitored is pooled where all parts have it, and flat where it no longer rises."""

from types import SimpleNamespace

import pytest

from adfast.runs.comparison.record import TrainingCurve
from adfast.runs.reproduction.monitored import late_rise, pooled_training


def curve(*mean):
    count = range(1, len(mean) + 1)
    return TrainingCurve(
        updates=tuple(count),
        seconds=tuple(map(float, count)),
        transitions=tuple(100.0 * update for update in count),
        mean=mean,
    )


def records(*curves):
    return [SimpleNamespace(training=found) for found in curves]


def test_seeds_are_pooled_over_what_all_have():
    pooled = pooled_training(records(curve(0.0, 1.0, 2.0), curve(2.0, 3.0)))
    assert pooled.mean == (1.0, 2.0)
    assert (pooled.low, pooled.high) == ((0.0, 1.0), (2.0, 3.0))
    assert pooled_training(records(curve(1.0))).low is None
    assert pooled_training(records(curve(1.0), None)) is None


def test_the_last_quarter_is_held_against_the_third():
    assert late_rise(curve(*[0.0] * 6, *[1.0] * 3, *[1.5] * 3)) == pytest.approx(0.5)
    assert late_rise(curve(*[1.0] * 12)) == 0.0
    assert late_rise(curve(0.0, 1.0, 2.0, 3.0)) is None
