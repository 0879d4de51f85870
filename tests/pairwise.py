"""Covering arrays: few cases in which every pair of values of any two parameters meets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product
from typing import Any

import pytest

Case = dict[str, Any]


def every_pair(
    possible: Callable[[Case], bool] = lambda case: True,
    indirect: Sequence[str] = (),
    **parameters: Iterable[Any],
) -> pytest.MarkDecorator:
    """Parametrizes a test by the whole grid, of which the suite takes a covering array.

    The other cases are for `make thorough`. The values themselves are the cases' names.
    """
    grid = [case for case in whole_grid(parameters) if possible(case)]
    chosen = covering(grid)
    rows = [
        pytest.param(
            *case.values(),
            id="-".join(map(str, case.values())),
            marks=() if case in chosen else pytest.mark.thorough,
        )
        for case in grid
    ]
    return pytest.mark.parametrize(",".join(parameters), rows, indirect=list(indirect))


def pairwise(**parameters: Iterable[Any]) -> list[Case]:
    """Cases of the whole grid that cover all pairs, always the same ones."""
    return covering(whole_grid(parameters))


def whole_grid(parameters: dict[str, Iterable[Any]]) -> list[Case]:
    """Every value of each parameter with every one of the others."""
    return [dict(zip(parameters, case, strict=True)) for case in product(*parameters.values())]


def covering(grid: Sequence[Case]) -> list[Case]:
    """Cases of `grid`, chosen greedily, in which every pair of values meets that meets there."""
    by_pairs = [{*combinations(case.items(), 2)} for case in grid]
    missing = set().union(*by_pairs)
    cases = []
    while missing:
        best = max(range(len(grid)), key=lambda number: len(by_pairs[number] & missing))
        missing -= by_pairs[best]
        cases.append(grid[best])
    return cases
