"""Read-outs find what a stream holds, and scores are those of their definitions."""

import numpy as np
import pytest

from adfast.probes.inside.readouts import (
    ReadOut,
    directions,
    ordered_rightly,
    place_of,
    score_of_cells,
)

RNG = np.random.default_rng(0)


def test_what_is_linear_is_read_out():
    stream = RNG.normal(size=(4000, 6))
    targets = stream @ RNG.normal(size=(6, 3)) + [5.0, 0.0, -2.0]
    read_out = ReadOut.fit(stream[:2000], targets[:2000])
    np.testing.assert_allclose(read_out(stream[2000:]), targets[2000:], atol=0.05)


def test_directions_leave_out_what_the_cell_alone_explains():
    """The target goes with the cell; the stream moves with each in a channel of its own."""
    cell = RNG.integers(0, 4, 8000)
    target = (cell == 1) + RNG.normal(size=8000)
    stream = np.stack([target, 7.0 * (cell == 1)], axis=1)
    found = directions(stream, target[:, None], cell, 4)
    np.testing.assert_allclose(found, [[1.0, 0.0]], atol=0.02)


def test_pairs_are_ordered_as_when_counted_one_by_one():
    score = RNG.integers(0, 5, (20, 7)).astype(float)  # with ties
    possible = RNG.random((20, 7)) < 0.4
    for row, (told, may) in enumerate(zip(score, possible, strict=True)):
        pairs = [(a > b) + 0.5 * (a == b) for a in told[may] for b in told[~may]]
        found = ordered_rightly(score[row : row + 1], possible[row : row + 1])[0]
        assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_a_cell_is_its_row_and_its_column():
    told = score_of_cells(place_of(np.arange(9), 3), 3)
    np.testing.assert_array_equal(told.argmax(axis=1), np.arange(9))
