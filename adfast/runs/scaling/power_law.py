"""Power laws y = floor + scale * x**exponent, fitted to a few levels.

Errors are of logarithms, so that all levels count alike. For a given exponent a law with a floor
is linear in floor and scale; so exponents are tried, and the two are solved for (variable
projection, Golub and Pereyra 1973), which has no starting point and finds no local minimum. A floor
is taken where Akaike's criterion for small samples (Hurvich and Tsai 1989) asks for it.

Sources of the forms: Kaplan et al. 2020, arXiv 2001.08361, section 3 (without a floor); Hoffmann et
al. 2022, arXiv 2203.15556, section 3.3 (with one). Twin: `tests/reference/power_law.py`.

Axes: S samples, L levels, P points, E exponents that are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_LEVELS = 3  # that an exponent is fitted to
STEEPEST, FLATTEST = -5.0, -0.02  # exponents of laws with a floor, which all fall
TRIED = -np.geomspace(-FLATTEST, -STEEPEST, 160)
FINE = 21  # exponents that are tried between the neighbours of the best one
BETTER = 2.0  # by so much must the criterion of a law with a floor be lower


@dataclass(frozen=True)
class Laws:
    """float64 `[S]` each; `floor` is 0 of laws that have none, `error` is the sum of squares of
    logarithms.
    """

    exponent: np.ndarray
    scale: np.ndarray
    floor: np.ndarray
    error: np.ndarray

    def at(self, x: np.ndarray) -> np.ndarray:
        """float64 `[S, L]`: what the laws say at `x` `[L]`."""
        return values_at(x, self.exponent[:, None], self.scale[:, None], self.floor[:, None])


def fit_laws(x: np.ndarray, y: np.ndarray, *, has_floor: bool) -> Laws:
    """The laws of `y` `[S, P]` over `x` `[P]`, all positive."""
    return fit_with_floor(x, y) if has_floor else fit_without_floor(x, y)


def asks_for_floor(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether `y` `[P]` over `x` `[P]` is told better with a floor than without, by criterion."""
    plain, floored = (fit_laws(x, y[None], has_floor=floor).error[0] for floor in (False, True))
    without, with_it = criterion(plain, len(x), 2), criterion(floored, len(x), 3)
    return bool(with_it < without - BETTER)


def criterion(error: float, points: int, parameters: int) -> float:
    """Akaike's, corrected for small samples; the size of the errors is a parameter too."""
    count = parameters + 1
    if points <= count + 1:
        return np.inf
    penalty = 2 * count + 2 * count * (count + 1) / (points - count - 1)
    return float(points * np.log(max(error, 1e-300) / points) + penalty)


def fit_without_floor(x: np.ndarray, y: np.ndarray) -> Laws:
    """Straight lines through the logarithms."""
    place, height = np.log(x), np.log(y)
    middle = place - place.mean()
    exponent = height @ middle / (middle @ middle)
    scale = np.exp(height.mean(axis=1) - exponent * place.mean())
    error = error_of(x, y, exponent, scale, np.zeros_like(scale))
    return Laws(exponent, scale, np.zeros_like(scale), error)


def fit_with_floor(x: np.ndarray, y: np.ndarray) -> Laws:
    """The best of all exponents that are tried, then of those beside it; floors are at least 0."""
    best = best_of(x, y, np.broadcast_to(TRIED, (len(y), len(TRIED))))
    ratio = TRIED[1] / TRIED[0]
    beside = best.exponent[:, None] * np.geomspace(1 / ratio, ratio, FINE)
    return best_of(x, y, np.clip(beside, STEEPEST, FLATTEST))


def best_of(x: np.ndarray, y: np.ndarray, exponent: np.ndarray) -> Laws:
    """Of each sample the law with that of its exponents `[S, E]` which errs least."""
    basis = x ** exponent[..., None]  # [S, E, P]
    # Weighted by 1 / y, so that errors are relative, as those of logarithms are where small.
    weight = 1 / y[:, None, :] ** 2
    ones, slopes = weight.sum(-1), (weight * basis).sum(-1)
    squares = (weight * basis**2).sum(-1)
    sums, products = (weight * y[:, None, :]).sum(-1), (weight * basis * y[:, None, :]).sum(-1)
    determinant = ones * squares - slopes**2
    with np.errstate(divide="ignore", invalid="ignore"):
        floor = (squares * sums - slopes * products) / determinant
    floor = np.where(np.isfinite(floor), np.maximum(floor, 0.0), 0.0)
    scale = np.maximum((products - floor * slopes) / squares, 1e-300)
    errors = error_of(x, y[:, None, :], exponent, scale, floor)
    rows, best = np.arange(len(y)), errors.argmin(axis=1)
    return Laws(*(of[rows, best] for of in (exponent, scale, floor, errors)))


def error_of(
    x: np.ndarray, y: np.ndarray, exponent: np.ndarray, scale: np.ndarray, floor: np.ndarray
) -> np.ndarray:
    """The sum over points of the squared errors of logarithms."""
    law = values_at(x, exponent[..., None], scale[..., None], floor[..., None])
    return np.asarray(((np.log(law) - np.log(y)) ** 2).sum(axis=-1))


def values_at(
    x: np.ndarray, exponent: np.ndarray, scale: np.ndarray, floor: np.ndarray
) -> np.ndarray:
    """The law itself."""
    return np.asarray(floor + scale * x**exponent)
