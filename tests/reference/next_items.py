"""Plain-Python twin of what is kept of next observations: one row after the other."""

from __future__ import annotations


def kept_rows(observation, next_observation):
    """The rows whose next observation the row after does not show, byte for byte."""
    last = len(observation) - 1
    return [
        row
        for row in range(len(observation))
        if row == last or next_observation[row].tobytes() != observation[row + 1].tobytes()
    ]


def next_observation_of(row, observation, rows, items):
    """The next observation of a row, from the observations and what is kept."""
    return items[rows.index(row)] if row in rows else observation[row + 1]
