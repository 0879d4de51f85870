"""The definition of a fitted power law with a floor: every exponent tried, one after the other."""

from __future__ import annotations

import math


def fit(x, y, exponents):
    """`(exponent, scale, floor)`: of those tried, the law whose logarithms err least.

    Floor and scale are those of least relative squared error, by their normal equations; a floor
    below 0 is 0.
    """
    best = None
    for exponent in exponents:
        basis = [value**exponent for value in x]
        weights = [1 / value**2 for value in y]
        ones = sum(weights)
        slopes = sum(w * b for w, b in zip(weights, basis, strict=True))
        squares = sum(w * b * b for w, b in zip(weights, basis, strict=True))
        sums = sum(w * v for w, v in zip(weights, y, strict=True))
        products = sum(w * b * v for w, b, v in zip(weights, basis, y, strict=True))
        floor = max((squares * sums - slopes * products) / (ones * squares - slopes**2), 0.0)
        scale = max((products - floor * slopes) / squares, 1e-300)
        error = sum(
            (math.log(floor + scale * b) - math.log(v)) ** 2 for b, v in zip(basis, y, strict=True)
        )
        if best is None or error < best[0]:
            best = error, exponent, scale, floor
    return best[1:]
