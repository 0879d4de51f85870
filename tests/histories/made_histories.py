"""Histories whose every value says where it belongs, for the tests of ring and store."""

from __future__ import annotations

import numpy as np

from adfast.tasks.observation import DiscreteObservation
from adfast.tasks.transition_schema import TransitionSchema

SCHEMA = TransitionSchema(DiscreteObservation((9, 300)), num_actions=5, episode_length=6)


def make_rows(rng: np.random.Generator, *leading: int) -> dict[str, np.ndarray]:
    """Arrays `[*leading, *item]` of random values, with an episode start every few rows."""
    rows = {
        name: rng.integers(0, 256 if field.sizes is None else field.sizes, shape).astype(
            field.dtype
        )
        for name, field in SCHEMA.fields.items()
        for shape in [(*leading, *field.shape)]
    }
    rows["episode_step"] = rng.integers(0, 4, leading).astype(np.uint16)
    return rows


def make_block(
    rng: np.random.Generator, num_histories: int, max_length: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Padded arrays `[num_histories, max_length, *item]` and lengths of at least 1."""
    lengths = rng.integers(1, max_length + 1, num_histories)
    return make_rows(rng, num_histories, max_length), lengths


def assert_same_batch(actual: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Both hold the same arrays, dtype and all."""
    assert actual.keys() <= expected.keys()
    for name, array in actual.items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)
