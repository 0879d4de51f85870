"""Covering arrays: few cases in which every pair of values of any two parameters meets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any


def pairwise(parameters: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Cases that cover all pairs, chosen greedily from the whole grid, always the same ones."""
    names = list(parameters)
    grid = list(product(*(range(len(values)) for values in parameters.values())))
    positions = list(combinations(range(len(names)), 2))

    def pairs(case: tuple[int, ...]) -> set[tuple[int, int, int, int]]:
        return {(a, b, case[a], case[b]) for a, b in positions}

    missing = set().union(*(pairs(case) for case in grid))
    cases = []
    while missing:
        best = max(grid, key=lambda case: len(pairs(case) & missing))
        missing -= pairs(best)
        cases.append(
            dict(
                zip(
                    names, (parameters[n][i] for n, i in zip(names, best, strict=True)), strict=True
                )
            )
        )
    return cases
