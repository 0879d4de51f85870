"""References agree with what is known exactly, and with the source's own curve."""

import numpy as np
import pytest

from adfast import source_algorithms, tasks
from adfast.evaluation.references import SOURCE_HISTORIES, compute_references

EPISODES, KEEP_EVERY = 25, 8


@pytest.fixture(scope="module")
def family():
    return tasks.make("dark-room")


@pytest.fixture(scope="module")
def references(family):
    return compute_references(
        family,
        np.arange(81),
        source_algorithms.make("q-learning"),
        episodes=EPISODES,
        keep_every=KEEP_EVERY,
        seed=0,
    )


def test_random_and_optimal_returns_are_the_known_ones(references):
    assert references.random == pytest.approx(0.247, abs=0.02)
    assert references.optimal == pytest.approx(1340 / 81)


def test_source_learns_from_scratch_to_the_optimum(references):
    assert references.source.shape == references.source_kept.shape == (EPISODES,)
    np.testing.assert_array_equal(references.source_kept[:3], references.source[[0, 8, 16]])
    # The known learning curve.
    assert references.source[9] == pytest.approx(2.6, abs=0.4)
    assert references.source[24] == pytest.approx(5.5, abs=0.5)
    assert references.source_kept[-1] > 16


def test_source_is_averaged_over_tasks_and_repetitions(family, references):
    task_ids = np.repeat(np.arange(81), SOURCE_HISTORIES)
    returns = source_algorithms.make("q-learning").returns(
        family, task_ids, np.arange(len(task_ids)), EPISODES, 0
    )
    np.testing.assert_allclose(returns.mean(axis=0), references.source)


def test_ideal_learner_is_averaged_over_the_tasks(family, references):
    expected = family.ideal_learner().returns(np.arange(81), EPISODES).mean(axis=0)
    np.testing.assert_allclose(references.ideal_learner, expected)
