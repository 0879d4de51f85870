"""Linear read-outs, in closed form: what a stream tells, and how it moves with what it tells.

Axes: M moments, W channels, Y targets, C cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RIDGE = 1e-3  # of the variance of what is read


@dataclass(frozen=True)
class ReadOut:
    """Ridge regression of targets `[M, Y]` on a stream `[M, W]`."""

    weight: np.ndarray  # [W, Y]
    constant: np.ndarray  # [Y]

    @classmethod
    def fit(cls, stream: np.ndarray, targets: np.ndarray) -> ReadOut:
        """The one of least squared error, but for the ridge."""
        weight = regression(stream, targets)
        return cls(weight, targets.mean(axis=0) - stream.mean(axis=0, dtype=np.float64) @ weight)

    def __call__(self, stream: np.ndarray) -> np.ndarray:
        """float64 `[M, Y]`."""
        return np.asarray(stream @ self.weight + self.constant)


def regression(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """float64 `[X, Y]`: how `wanted` `[M, Y]` goes with `given` `[M, X]`, about their means."""
    given = given - given.mean(axis=0, dtype=np.float64)
    wanted = wanted - wanted.mean(axis=0, dtype=np.float64)
    square = given.T @ given / len(given)
    scale = max(np.trace(square) / len(square), 1e-12)
    ridged = square + RIDGE * scale * np.eye(len(square))
    return np.asarray(np.linalg.solve(ridged, given.T @ wanted / len(given)))


def directions(stream: np.ndarray, targets: np.ndarray, cell: np.ndarray, cells: int) -> np.ndarray:
    """float64 `[Y, W]`: by how much the stream moves with each target, wherever one stands."""
    given = np.concatenate([targets, np.eye(cells)[cell]], axis=1)
    return regression(given, stream)[: targets.shape[1]]


def place_of(cell: np.ndarray, size: int) -> np.ndarray:
    """float64 `[..., 2 size]`: a cell as its row and its column, so that any cell can be told."""
    line = np.eye(size)
    return np.concatenate([line[cell // size], line[cell % size]], axis=-1)


def score_of_cells(place: np.ndarray, size: int) -> np.ndarray:
    """float64 `[..., C]`: of each cell, from what is told of rows and columns `[..., 2 size]`."""
    total = place[..., :size, None] + place[..., None, size:]
    return np.asarray(total.reshape(*place.shape[:-1], size * size))


def ordered_rightly(score: np.ndarray, is_possible: np.ndarray) -> np.ndarray:
    """float64 `[M]`: the share of pairs, of a possible cell and another, that a score orders.

    `score` float `[M, C]` is to be higher where `is_possible` bool `[M, C]`.

    Half is chance. NaN where all cells are possible, or none.
    """
    from scipy.stats import rankdata

    rank = rankdata(score, axis=1)  # of equal scores the mean of their ranks
    possible = is_possible.sum(axis=1)
    pairs = possible * (score.shape[1] - possible)
    above = np.where(is_possible, rank, 0.0).sum(axis=1) - possible * (possible + 1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(above / pairs)
