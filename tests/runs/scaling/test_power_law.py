"""Power laws are found again, floors only where the data ask for them, and as by definition."""

import numpy as np
import pytest

from adfast.runs.scaling.laws import law_through
from adfast.runs.scaling.power_law import STEEPEST, TRIED, asks_for_floor, best_of, fit_laws
from reference.power_law import fit

X = np.array([20.0, 40, 80, 160, 320])
NOISE = np.random.default_rng(0).normal(0, 0.01, (3, len(X)))


@pytest.mark.parametrize("exponent", [-1.3, -0.4, 0.0, 0.9])
def test_a_law_is_found_again(exponent):
    laws = fit_laws(X, 3 * X[None] ** exponent, has_floor=False)
    assert laws.exponent[0] == pytest.approx(exponent, abs=1e-12)
    assert laws.scale[0] == pytest.approx(3)
    assert laws.at(X)[0] == pytest.approx(3 * X**exponent)


@pytest.mark.parametrize("exponent", [-2.5, -1.0, -0.3])
def test_a_law_with_a_floor_is_found_again(exponent):
    y = 0.2 + 5 * X**exponent
    laws = fit_laws(X, y[None], has_floor=True)
    assert laws.exponent[0] == pytest.approx(exponent, rel=0.005)
    assert laws.floor[0] == pytest.approx(0.2, rel=0.02)
    assert laws.at(X)[0] == pytest.approx(y, rel=1e-3)


def test_floors_are_never_below_zero():
    assert fit_laws(X, (5 * X**-0.5 - 0.1)[None], has_floor=True).floor[0] == 0


def test_a_fall_that_is_over_at_once_is_told_as_steeper_than_any_tried():
    y = np.array([[0.3, 0.1, 0.1, 0.1, 0.1]])
    law = law_through(X, y[0], y, has_floor=True)
    assert law.exponent == STEEPEST
    assert law.told(law.exponent, 2) == "below -5"
    assert law.told(-1.234, 2) == "-1.23"
    steep = X[None] ** -6
    assert law_through(X, steep[0], steep, has_floor=False).told(-6.0, 1) == "-6.0"


def test_fit_is_that_of_the_definition():
    y = np.stack([0.3 + 4 * X**-0.8, 2 * X**-0.2, 0.1 + X**-1.5]) * np.exp(5 * NOISE)
    laws = best_of(X, y, np.broadcast_to(TRIED, (3, len(TRIED))))
    for row, values in enumerate(y):
        exponent, scale, floor = fit(X.tolist(), values.tolist(), TRIED.tolist())
        assert laws.exponent[row] == exponent
        assert laws.scale[row] == pytest.approx(scale, rel=1e-9)
        assert laws.floor[row] == pytest.approx(floor, rel=1e-9, abs=1e-12)


def test_a_floor_is_taken_where_the_data_ask_for_one():
    x, noise = np.tile(X, 3), np.exp(NOISE.ravel())
    assert asks_for_floor(x, (0.2 + 5 / x) * noise)
    assert not asks_for_floor(x, 5 * x**-0.7 * noise)


def test_few_points_get_no_floor():
    assert not asks_for_floor(X[:4], 0.2 + 5 / X[:4])
